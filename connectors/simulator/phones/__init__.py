"""A phone for each simulated person, of whatever platform: what stands on it, and what one does there."""

from connectors.simulator.phones.phone import Bubble, Button, File, Phone, Phones
from connectors.simulator.phones.routes import phone_routes

__all__ = ["Bubble", "Button", "File", "Phone", "Phones", "phone_routes"]
