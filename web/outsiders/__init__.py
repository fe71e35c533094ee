"""The register of people outside HR (外部者登録簿)."""
