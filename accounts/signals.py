"""What accounts tells the other rooms."""

from django.dispatch import Signal

# An anonymous visitor became a member. Sent inside the transaction that ends with the anonymous row's deletion.
# Arguments: anonymous (Visitor), member (Visitor). A receiver moves its rows and returns how many ratings came along.
visitor_merged = Signal()
