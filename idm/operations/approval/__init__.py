"""Written applications and standing approvals: asked, judged, decided by whom the route names (FK 6-2(1)①)."""
