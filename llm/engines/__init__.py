"""Adapters to models: in process, remote, and scripted for demonstrations and tests."""
