"""Written applications and standing approvals read: what may be asked, who decides, what came of it."""
