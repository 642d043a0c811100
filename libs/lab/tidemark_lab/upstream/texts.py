"""Words for rows: names, products, addresses, and text that breaks careless code.

Addresses read "<number> <street>, <city>, <region> <postcode>, <country>".
"""

import numpy as np

from tidemark_lab.upstream.rows import Array, text

FIRST = "Ada Alan Amara Björn Chloé Dmitri Elif Fatima Grace Hiro Ines Jamal Kofi Lena Mei Nadia Omar Priya Quinn Zoë"
LAST = "Abbott Baker Castro Dubois Eriksen Fischer García Haddad Ito Jansen Kowalski Lind Müller Novak O'Brien Patel"
ADJECTIVE = "Basic Bright Classic Compact Folding Heavy Light Modern Portable Premium Quiet Rustic Smart Soft Sturdy"
THING = "Backpack Blender Camera Chair Desk Drone Guitar Headset Kettle Lamp Mug Novel Racket Sneaker Tent Watch"
CATEGORIES = ("Electronics", "Books", "Clothing", "Home & Garden", "Sports", "Toys", "Beauty", "Automotive")
STREETS = ("Oak Street", "Main Street", "High Road", "Rue de la Paix", "Hauptstraße", "Via Roma", "Harbour Lane")
CITIES = (
    ("Austin", "TX", "78701", "US"),
    ("Portland", "OR", "97201", "US"),
    ("New York", "NY", "10001", "US"),
    ("Chicago", "IL", "60601", "US"),
    ("Toronto", "ON", "M5H 2N2", "CA"),
    ("London", "ENG", "EC1A 1BB", "GB"),
    ("Berlin", "BE", "10115", "DE"),
    ("Lyon", "ARA", "69001", "FR"),
)
SEARCHES = ("lamp", "running shoes", "gift for dad", "usb-c hub", "красная лампа", "椅子", "50% off; --", 'mug "xl"')

UNRULY = (
    "emoji 🎂👩‍👩‍👧‍👦🏳️‍🌈",
    "שלום עולם ← مرحبا",
    "combining e\u0301 n\u0303 Z\u0351\u036b\u0343",
    "control \t tab \n line \r return \x01\x1f end",
    "zero\u200bwidth \ufeffmark \u202eoverride",
    "quotes ' \" ` '' \\ \\N $$ {{ jinja }} %s",
    "Robert'); DROP TABLE users; --",
    "NULL",
    "",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010fffd ｆｕｌｌ",
    "|a,b;c\x1f",
)
LONG_TEXT = 40_000  # characters of a very long text


def pick(rng: np.random.Generator, words: tuple[str, ...] | list[str], count: int) -> Array:
    """Words at random, as a text column."""
    return text(words)[rng.integers(0, len(words), count)]


def addresses(rng: np.random.Generator, count: int) -> Array:
    """Shipping addresses out of a pool of 2,000."""
    pool = []
    for number, street, city in zip(
        rng.integers(1, 400, 2000), rng.integers(0, len(STREETS), 2000), rng.integers(0, len(CITIES), 2000), strict=True
    ):
        name, region, postcode, country = CITIES[city]
        pool.append(f"{number} {STREETS[street]}, {name}, {region} {postcode}, {country}")
    return pick(rng, pool, count)


def long_text(rng: np.random.Generator) -> str:
    """One very long text of mixed scripts."""
    return "".join(pick(rng, ["lorem ", "日本語 ", "naïve ", "🎂 ", "ß "], LONG_TEXT // 4))[:LONG_TEXT]
