"""Leads that come in by an API and are looked at by agents: a sample of a service on GardenOS."""
