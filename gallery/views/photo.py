"""One photograph, large: what is known of it, what the visitor says of it, and what is like it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from gallery import queries
from gallery.models import Photo
from gallery.moods import MOODS
from gallery.views.parts import Request, of_flickr, opens_sensitive, ordered_by, private


@require_safe
def photo(request: Request, pk: int) -> HttpResponse:
    photo = get_object_or_404(Photo.objects.on_show().with_renditions(), pk=pk)
    asked = MOODS.get(request.GET.get("mood", ""))
    if photo.sensitive and "show" not in request.GET and not opens_sensitive(request):
        return private(render(request, "withheld.html", {"mood": asked, "photo": photo}))
    score = queries.score(photo)
    mood = asked or queries.strongest(score)
    similar = queries.similar(photo, score) if score else []
    previous_id, next_id = queries.neighbours(request.visitor_id, mood.slug, pk)
    context = {
        "photo": photo,
        "mood": mood,
        "moods": MOODS.values(),
        "rating": queries.rating(request.visitor_id, photo),
        "why": queries.why(score, mood, request.visitor_id) if score else None,
        "similar": similar,
        "shows_flickr": of_flickr([photo, *similar]),
        "previous_id": previous_id,
        "next_id": next_id,
        "here": request.get_full_path(),
    }
    return private(ordered_by(render(request, "photo.html", context), score.network_id if score else None))
