"""What the report itself says of its data set: figures to stand beside ours, and nothing that it does not say.

Suhail, Kumar, Balagopalan, "Aesthetic Rating and Emotion Analysis using deep learning": 302,780 photographs of Flickr;
Table 2 counts the classes of ResNet-34 (ImageNet) that come first for some photograph; Table 3 lists five popular ones.
"""

from dataclasses import dataclass

CITATION = "Suhail, Kumar, Balagopalan, “Aesthetic Rating and Emotion Analysis using deep learning”"
CLASSIFIER = "ResNet-34"


@dataclass(frozen=True)
class Published:
    """A mood's row of Tables 2 and 3."""

    photos: int
    classes: int
    popular: tuple[str, ...]


TABLE = {
    "happy": Published(47_000, 968, ("Groom", "Steam Locomotive", "Grand Piano", "Palace", "Half Track")),
    "sad": Published(42_980, 991, ("Window Screen", "Band Aid", "Matchstick", "Prison", "Parking Bench")),
    "fear": Published(
        72_250, 993, ("Electric Locomotive", "Crossword", "Microwave", "Projectile Missile", "Matchstick")
    ),
    "anger": Published(32_100, 951, ("Tench", "Milk Can", "Bannister", "Matchstick", "Steam Locomotive")),
    "motivation": Published(35_350, 884, ("Comic Book", "Menu", "Revolver", "Academic Robe", "Scuba Diver")),
    "solitude": Published(73_100, 989, ("Park Bench", "Valley", "Promontory", "Bubble", "Volcano")),
}
