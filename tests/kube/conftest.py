"""One cluster, lab and release for all of the check; its tests run in order and build on one another."""

from collections.abc import Iterator

import pytest
from kube_chain import KubeChain, chain_of  # tests/support
from kube_cluster import Place, build_images, install_operator, load_images, remove


@pytest.fixture(scope="session")
def place() -> Place:
    """Where the check runs."""
    return Place.of_environment()


@pytest.fixture(scope="session")
def chain(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeChain]:
    """The release, ready, without any run yet."""
    folder = place.images or tmp_path_factory.mktemp("images")
    if place.images is None:
        build_images(place, folder)
    load_images(place, folder)
    try:
        install_operator(place)
        with chain_of(place, tmp_path_factory.mktemp("lab") / ".tidemark") as chain:
            yield chain
    finally:
        remove()
