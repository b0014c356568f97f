"""The catalogue's thinking: what a service, a level and a target are, and how content is read and checked."""
