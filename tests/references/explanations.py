"""The large image nearest to a picture among those in 0..1 with a given small one, by a general solver."""

import numpy as np
from scipy.optimize import LinearConstraint, minimize


def nearest(picture: np.ndarray, small: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Least squares under equalities and bounds, for images of a few pixels."""
    matrix = np.kron(rows, columns)  # of the image read row by row
    start = np.full(picture.size, 0.5)
    found = minimize(
        lambda image: ((image - picture.ravel()) ** 2).sum(),
        start,
        jac=lambda image: 2 * (image - picture.ravel()),
        bounds=[(0, 1)] * picture.size,
        constraints=[LinearConstraint(matrix, small.ravel(), small.ravel())],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    return found.x.reshape(picture.shape)
