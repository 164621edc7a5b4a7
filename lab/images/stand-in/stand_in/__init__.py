"""Stands in for Supabase's services where their images can't be had: same ports, probes and environment, and none of what they do."""
