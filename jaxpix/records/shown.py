"""How a record is looked at: whoever made or read it knows its pictures, and lends it a viewer."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from .maps import SweepMaps


class Viewer(Protocol):
    """Finds and draws the pictures of records."""

    @abc.abstractmethod
    def images(self, record: Any) -> tuple[np.ndarray, np.ndarray]:
        """Original and changed image, uint8 [H, W, C].

        Raises:
            InputError: they are not known.
        """

    def picture(self, record: Any) -> Image:
        """Both side by side, with labels and the changed pixels."""

    def html(self, record: Any) -> str:
        """The same for a notebook, with the figures of the experiment."""

    @abc.abstractmethod
    def maps(self, record: Any) -> SweepMaps:
        """What an exhaustive search found of all candidates.

        Raises:
            InputError: they are not known; the search was another one.
        """

    def picture_of_maps(self, record: Any) -> Image:
        """Smallest change and lowest confidence at each position."""


class Shown:
    """What a record shows of itself; none of it is part of the row, of its equality or of its hash."""

    __slots__ = ("_viewer",)
    if TYPE_CHECKING:
        pixels: list[Any]  # of the record; not an annotation at run time, which would make it a column twice

    def seen_by(self, viewer: Viewer) -> None:
        """Let `viewer` show this record from now on."""
        # A record is frozen; its viewer is no field of it.
        object.__setattr__(self, "_viewer", viewer)

    def original_image(self) -> np.ndarray:
        """The untouched image, uint8 [H, W, C].

        Raises:
            InputError: it is not known; see `show`.
        """
        return self._viewer_or_error().images(self)[0]

    def adversarial_image(self) -> np.ndarray:
        """The changed image, uint8 [H, W, C]; of a failure: the fittest candidate.

        Raises:
            InputError: it is not known; see `show`.
        """
        return self._viewer_or_error().images(self)[1]

    def show(self) -> Image:
        """Original and changed image with their labels, the changed pixels circled and magnified.

        A notebook displays what is returned; `record.show().show()` opens a window, `.save(path)` keeps it.

        Raises:
            InputError: the images are not known: a record without its images (a row of a table, a copy), a failure
                read from a run folder, which keeps few of them, or a folder whose pictures are gone.
        """
        return self._viewer_or_error().picture(self)

    def painted_on(self, original: np.ndarray) -> np.ndarray:
        """The candidate: a copy of the original image, uint8 [H, W, C], with the changed pixels in it."""
        changed = original.copy()
        for pixel in self.pixels:
            changed[pixel.y, pixel.x] = pixel.after
        return changed

    def maps(self) -> SweepMaps:
        """What an exhaustive search found of all candidates of this image.

        Raises:
            InputError: the search was another one, or the maps are not known or damaged.
        """
        return self._viewer_or_error().maps(self)

    def show_maps(self) -> Image:
        """Over the image: the smallest change that is enough at each position, and the confidence that is left.

        Raises:
            InputError: see `maps`.
        """
        return self._viewer_or_error().picture_of_maps(self)

    def _repr_html_(self) -> str | None:
        viewer = self._lent_viewer()
        return None if viewer is None else viewer.html(self)

    def _lent_viewer(self) -> Viewer | None:
        viewer: Viewer | None = getattr(self, "_viewer", None)
        return viewer

    @abc.abstractmethod
    def _viewer_or_error(self) -> Viewer:
        """The viewer, or an error that says why there is none."""
