"""What a routed repair is compared with: other steering methods, and what a practitioner tries without any steering."""
