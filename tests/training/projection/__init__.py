"""Tests of the projection and of search."""
