"""PatchEmbed: images to tokens."""

from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """Cut an image in square patches and project each to a token (ViT, arXiv:2010.11929).

    Args:
        img_size: Side of an image in pixels.
        patch_size: Side of a patch in pixels; it divides img_size.
        in_chans: Channels of an image.
        embed_dim: Channels of a token.
    """

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.grid = (img_size // patch_size, img_size // patch_size)
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to patch tokens (B, N, D), row by row."""
        tokens: Tensor = self.proj(images)  # (B, D, rows, cols)
        return tokens.flatten(2).transpose(1, 2)
