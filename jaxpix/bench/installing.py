"""What a user does where a library to compare with is missing."""

# torchattacks asks for a requests of 2021, and torchvision for a torch with CUDA; neither needs it here.
INSTALL = 'pip install "jaxpix[peers]", then pip install --no-deps torchvision torchattacks'
