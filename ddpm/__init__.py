"""A conditional sprite diffusion model with classifier-free guidance."""
