"""Stripe.js's stand-in: the script a shop's page loads, the frame that card data stays in, 3-D Secure."""
