"""Writes the boards as Grafana's JSON into the chart: `python -m boards`, in the checkout (`make docs`)."""

from boards.render import FOLDER, rendered

if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
