"""The first release's tables, and the triggers that keep the audit record append-only."""

# ruff: noqa: E501 - the lines are the database's own sentences

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As it was at this release: a migration does not follow the models.
APPEND_ONLY = {
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = "
        "'insufficient_privilege'; END $$",
        "CREATE TRIGGER audit_records_no_update BEFORE UPDATE ON audit_records FOR EACH ROW WHEN "
        "(NOT (NEW.payload IS NULL AND NEW.salt IS NULL AND NEW.id IS NOT DISTINCT FROM OLD.id AND "
        "NEW.at IS NOT DISTINCT FROM OLD.at AND NEW.action IS NOT DISTINCT FROM OLD.action AND "
        "NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id AND NEW.actor IS NOT DISTINCT FROM OLD.actor "
        "AND NEW.object_kind IS NOT DISTINCT FROM OLD.object_kind AND NEW.object_id IS NOT DISTINCT "
        "FROM OLD.object_id AND NEW.outcome IS NOT DISTINCT FROM OLD.outcome AND NEW.code IS NOT "
        "DISTINCT FROM OLD.code AND NEW.policy_digest IS NOT DISTINCT FROM OLD.policy_digest AND "
        "NEW.payload_hash IS NOT DISTINCT FROM OLD.payload_hash)) EXECUTE FUNCTION "
        "audit_append_only()",
        "CREATE TRIGGER audit_records_no_delete BEFORE DELETE ON audit_records FOR EACH ROW EXECUTE "
        "FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_records_no_truncate BEFORE TRUNCATE ON audit_records FOR EACH "
        "STATEMENT EXECUTE FUNCTION audit_append_only()",
        "CREATE OR REPLACE FUNCTION audit_await_seal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO audit_unsealed (record_id) VALUES (NEW.id); RETURN NULL; END $$",
        "CREATE TRIGGER audit_records_await_seal AFTER INSERT ON audit_records FOR EACH ROW EXECUTE "
        "FUNCTION audit_await_seal()",
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = "
        "'insufficient_privilege'; END $$",
        "CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals FOR EACH ROW WHEN (NOT "
        "(FALSE)) EXECUTE FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals FOR EACH ROW EXECUTE "
        "FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT "
        "EXECUTE FUNCTION audit_append_only()",
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = "
        "'insufficient_privilege'; END $$",
        "CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints FOR EACH ROW "
        "WHEN (NOT (FALSE)) EXECUTE FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints FOR EACH ROW "
        "EXECUTE FUNCTION audit_append_only()",
        "CREATE TRIGGER audit_checkpoints_no_truncate BEFORE TRUNCATE ON audit_checkpoints FOR EACH "
        "STATEMENT EXECUTE FUNCTION audit_append_only()",
    ],
    "sqlite": [
        "CREATE TRIGGER audit_records_no_update BEFORE UPDATE ON audit_records WHEN NOT (NEW.payload IS "
        "NULL AND NEW.salt IS NULL AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.action IS "
        "OLD.action AND NEW.actor_id IS OLD.actor_id AND NEW.actor IS OLD.actor AND NEW.object_kind IS "
        "OLD.object_kind AND NEW.object_id IS OLD.object_id AND NEW.outcome IS OLD.outcome AND NEW.code "
        "IS OLD.code AND NEW.policy_digest IS OLD.policy_digest AND NEW.payload_hash IS "
        "OLD.payload_hash) BEGIN SELECT RAISE(ABORT, 'audit_records is append-only'); END",
        "CREATE TRIGGER audit_records_no_delete BEFORE DELETE ON audit_records BEGIN SELECT RAISE(ABORT, "
        "'audit_records is append-only'); END",
        "CREATE TRIGGER audit_records_no_replace BEFORE INSERT ON audit_records WHEN EXISTS (SELECT 1 "
        "FROM audit_records WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_records is "
        "append-only'); END",
        "CREATE TRIGGER audit_records_await_seal AFTER INSERT ON audit_records BEGIN INSERT INTO "
        "audit_unsealed (record_id) VALUES (NEW.id); END",
        "CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals WHEN NOT (FALSE) BEGIN SELECT "
        "RAISE(ABORT, 'audit_seals is append-only'); END",
        "CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals BEGIN SELECT RAISE(ABORT, "
        "'audit_seals is append-only'); END",
        "CREATE TRIGGER audit_seals_no_replace BEFORE INSERT ON audit_seals WHEN EXISTS (SELECT 1 FROM "
        "audit_seals WHERE sequence = NEW.sequence OR record_id = NEW.record_id) BEGIN SELECT "
        "RAISE(ABORT, 'audit_seals is append-only'); END",
        "CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints WHEN NOT (FALSE) "
        "BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END",
        "CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT "
        "RAISE(ABORT, 'audit_checkpoints is append-only'); END",
        "CREATE TRIGGER audit_checkpoints_no_replace BEFORE INSERT ON audit_checkpoints WHEN EXISTS "
        "(SELECT 1 FROM audit_checkpoints WHERE sequence = NEW.sequence) BEGIN SELECT RAISE(ABORT, "
        "'audit_checkpoints is append-only'); END",
    ],
}
OWN_ACCOUNT = {
    "postgresql": [
        "CREATE OR REPLACE FUNCTION grants_own_account() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF"
        " (SELECT privileged FROM entitlements WHERE id = NEW.entitlement_id) <> ((SELECT kind FROM "
        "accounts WHERE id = NEW.account_id) = 'privileged') THEN RAISE EXCEPTION USING MESSAGE = 'a "
        "privileged right is on a privileged account, and no other right is', ERRCODE = "
        "'check_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER grants_own_account BEFORE INSERT OR UPDATE OF account_id, entitlement_id ON "
        "grants FOR EACH ROW EXECUTE FUNCTION grants_own_account()",
    ],
    "sqlite": [
        "CREATE TRIGGER grants_own_account_insert BEFORE INSERT ON grants WHEN (SELECT privileged FROM "
        "entitlements WHERE id = NEW.entitlement_id) <> ((SELECT kind FROM accounts WHERE id = "
        "NEW.account_id) = 'privileged') BEGIN SELECT RAISE(ABORT, 'a privileged right is on a "
        "privileged account, and no other right is'); END",
        "CREATE TRIGGER grants_own_account_update BEFORE UPDATE OF account_id, entitlement_id ON grants "
        "WHEN (SELECT privileged FROM entitlements WHERE id = NEW.entitlement_id) <> ((SELECT kind FROM "
        "accounts WHERE id = NEW.account_id) = 'privileged') BEGIN SELECT RAISE(ABORT, 'a privileged "
        "right is on a privileged account, and no other right is'); END",
    ],
}


def upgrade() -> None:
    """To this release."""
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table(
        "accepted_lines",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("reading_digest", sa.String(length=64), nullable=False),
        sa.Column("roll_version", sa.Integer(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("employments", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_accepted_lines")),
    )
    op.create_table(
        "audit_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum("done", "refused", name="auditoutcome", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("policy_digest", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("payload_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'refused') = (code IS NOT NULL)", name=op.f("ck_audit_records_refusal_has_code")
        ),
        sa.CheckConstraint("(payload IS NULL) = (salt IS NULL)", name=op.f("ck_audit_records_payload_with_salt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_records")),
    )
    with op.batch_alter_table("audit_records", schema=None) as batch_op:
        batch_op.create_index("ix_audit_records_actor", ["actor_id", "id"], unique=False)
        batch_op.create_index("ix_audit_records_at", ["at"], unique=False)
        batch_op.create_index("ix_audit_records_object", ["object_kind", "object_id", "id"], unique=False)

    op.create_table(
        "export_positions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_positions")),
        sa.UniqueConstraint("name", name=op.f("uq_export_positions_name")),
    )
    op.create_table(
        "information_systems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "zone",
            sa.Enum("mynumber", "lgwan", "internet", name="zone", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("confidentiality", sa.Integer(), nullable=False),
        sa.Column("integrity", sa.Integer(), nullable=False),
        sa.Column("availability", sa.Integer(), nullable=False),
        sa.Column("manager_unit_code", sa.String(length=32), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("connector_settings", sa.JSON(), nullable=False),
        sa.Column("credential", sa.String(length=64), nullable=True),
        sa.Column("overlap_days", sa.Integer(), nullable=True),
        sa.Column(
            "stage",
            sa.Enum("observe", "adopt", "enforce", name="stage", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("adopt_until", sa.Date(), nullable=True),
        sa.Column("containers", sa.JSON(), nullable=False),
        sa.Column("stopped_container", sa.Text(), nullable=True),
        sa.Column("listing", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("service_account", sa.Text(), nullable=True),
        sa.Column("service_account_id", sa.Text(), nullable=True),
        sa.Column("verification", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("factor_group_id", sa.Text(), nullable=True),
        sa.Column("keeps_ends", sa.Boolean(), nullable=False),
        sa.Column("demanded_cards", sa.Boolean(), nullable=False),
        sa.Column("most_holders", sa.JSON(), nullable=False),
        sa.Column("unused_times", sa.JSON(), nullable=False),
        sa.Column("external_service", sa.Boolean(), nullable=False),
        sa.Column("for_sign_in", sa.Boolean(), nullable=False),
        sa.CheckConstraint("availability BETWEEN 1 AND 2", name=op.f("ck_information_systems_availability")),
        sa.CheckConstraint("confidentiality BETWEEN 1 AND 3", name=op.f("ck_information_systems_confidentiality")),
        sa.CheckConstraint("integrity BETWEEN 1 AND 2", name=op.f("ck_information_systems_integrity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_information_systems")),
        sa.UniqueConstraint("code", name=op.f("uq_information_systems_code")),
    )
    with op.batch_alter_table("information_systems", schema=None) as batch_op:
        batch_op.create_index(
            "uq_information_systems_sign_in",
            ["for_sign_in"],
            unique=True,
            sqlite_where=sa.text("for_sign_in"),
            postgresql_where=sa.text("for_sign_in"),
        )

    op.create_table(
        "log_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_sequence", sa.Integer(), nullable=False),
        sa.Column("to_sequence", sa.Integer(), nullable=False),
        sa.Column("examined", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("overdue_told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_checks")),
    )
    op.create_table(
        "organisation_units",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.String(length=32), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_units")),
        sa.UniqueConstraint("code", "valid_from", name=op.f("uq_organisation_units_code_valid_from")),
    )
    with op.batch_alter_table("organisation_units", schema=None) as batch_op:
        batch_op.create_index(
            "uq_organisation_units_current",
            ["code"],
            unique=True,
            sqlite_where=sa.text("valid_until IS NULL"),
            postgresql_where=sa.text("valid_until IS NULL"),
        )

    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kana", sa.Text(), nullable=False),
        sa.Column("search_key", sa.Text(), nullable=False),
        sa.Column("match_key", sa.String(length=64), nullable=True),
        sa.Column("mail", sa.Text(), nullable=True),
        sa.Column("work_name", sa.Text(), nullable=True),
        sa.Column("romaji", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_match_key"), ["match_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_people_search_key"), ["search_key"], unique=False)

    op.create_table(
        "push_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minute_began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minute_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("made_at < ends_at", name=op.f("ck_push_tokens_ends_after_it_was_made")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_push_tokens_token_hash")),
    )
    op.create_table(
        "request_numbers",
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fiscal_year", name=op.f("pk_request_numbers")),
    )
    op.create_table(
        "roll_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_roll_version_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_version")),
    )
    op.create_table(
        "sweep_nights",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("systems", sa.Integer(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_nights")),
        sa.UniqueConstraint("day", name=op.f("uq_sweep_nights_day")),
    )
    op.create_table(
        "vault_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_keys")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_vault_keys_fingerprint")),
    )
    op.create_table(
        "work_order_numbers",
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fiscal_year", name=op.f("pk_work_order_numbers")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "personal",
                "privileged",
                "shared",
                "service",
                "contractor",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("login_name", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_present", sa.Boolean(), nullable=True),
        sa.Column("seen_enabled", sa.Boolean(), nullable=True),
        sa.Column("seen_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_groups", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_accounts_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_accounts_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("id", "system_id", name=op.f("uq_accounts_id_system_id")),
        sa.UniqueConstraint("system_id", "login_name", name=op.f("uq_accounts_system_id_login_name")),
        sa.UniqueConstraint("uuid", name=op.f("uq_accounts_uuid")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_accounts_entry",
            ["system_id", "external_id"],
            unique=True,
            sqlite_where=sa.text("external_id IS NOT NULL"),
            postgresql_where=sa.text("external_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_accounts_personal",
            ["system_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'personal'"),
            postgresql_where=sa.text("kind = 'personal'"),
        )
        batch_op.create_index(
            "uq_accounts_privileged",
            ["system_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'privileged' AND person_id IS NOT NULL"),
            postgresql_where=sa.text("kind = 'privileged' AND person_id IS NOT NULL"),
        )

    op.create_table(
        "audit_seals",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_audit_seals_sequence")),
        sa.ForeignKeyConstraint(["record_id"], ["audit_records.id"], name=op.f("fk_audit_seals_record_id")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("record_id", name=op.f("uq_audit_seals_record_id")),
    )
    op.create_table(
        "audit_unsealed",
        sa.Column("record_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["audit_records.id"], name=op.f("fk_audit_unsealed_record_id")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_audit_unsealed")),
    )
    op.create_table(
        "authenticators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ic_card",
                "smart_card",
                "hardware_token",
                "biometric",
                "cloud_mfa",
                "totp",
                "passkey",
                name="authenticatorkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("own_sign_in", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "issued",
                "active",
                "lost",
                "collected",
                "destroyed",
                "withdrawn",
                name="authenticatorstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_by_id", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collected_by_id", sa.Integer(), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("destroyed_by_id", sa.Integer(), nullable=True),
        sa.Column("witness_needed", sa.Boolean(), nullable=False),
        sa.Column("witness_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'destroyed') = (destroyed_at IS NOT NULL)", name=op.f("ck_authenticators_destruction_dated")
        ),
        sa.CheckConstraint(
            "state <> 'active' OR activated_at IS NOT NULL", name=op.f("ck_authenticators_activation_dated")
        ),
        sa.CheckConstraint(
            "state <> 'destroyed' OR (destroyed_by_id IS NOT NULL AND (NOT witness_needed OR witness_id IS NOT NULL))",
            name=op.f("ck_authenticators_destruction_named"),
        ),
        sa.CheckConstraint(
            "collected_by_id IS NULL OR collected_by_id <> person_id",
            name=op.f("ck_authenticators_not_collected_by_oneself"),
        ),
        sa.CheckConstraint(
            "destroyed_by_id IS NULL OR destroyed_by_id <> person_id",
            name=op.f("ck_authenticators_not_destroyed_by_oneself"),
        ),
        sa.CheckConstraint(
            "own_sign_in OR activated_by_id IS NULL OR activated_by_id <> person_id",
            name=op.f("ck_authenticators_not_activated_by_oneself"),
        ),
        sa.CheckConstraint(
            "own_sign_in OR issued_by_id <> person_id", name=op.f("ck_authenticators_not_issued_to_oneself")
        ),
        sa.CheckConstraint(
            "witness_id IS NULL OR (witness_id <> destroyed_by_id AND witness_id <> person_id)",
            name=op.f("ck_authenticators_two_names"),
        ),
        sa.ForeignKeyConstraint(["activated_by_id"], ["people.id"], name=op.f("fk_authenticators_activated_by_id")),
        sa.ForeignKeyConstraint(["collected_by_id"], ["people.id"], name=op.f("fk_authenticators_collected_by_id")),
        sa.ForeignKeyConstraint(["destroyed_by_id"], ["people.id"], name=op.f("fk_authenticators_destroyed_by_id")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["people.id"], name=op.f("fk_authenticators_issued_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_authenticators_person_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["authenticators.id"], name=op.f("fk_authenticators_replaces_id")),
        sa.ForeignKeyConstraint(["witness_id"], ["people.id"], name=op.f("fk_authenticators_witness_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticators")),
    )
    with op.batch_alter_table("authenticators", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authenticators_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_authenticators_label",
            ["kind", "label"],
            unique=True,
            sqlite_where=sa.text("label IS NOT NULL AND NOT own_sign_in AND state NOT IN ('destroyed', 'withdrawn')"),
            postgresql_where=sa.text(
                "label IS NOT NULL AND NOT own_sign_in AND state NOT IN ('destroyed', 'withdrawn')"
            ),
        )

    op.create_table(
        "chosen_names",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("login_name", sa.String(length=64), nullable=False),
        sa.Column("chosen_by_id", sa.Integer(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("chosen_by_id <> person_id", name=op.f("ck_chosen_names_not_by_oneself")),
        sa.ForeignKeyConstraint(["chosen_by_id"], ["people.id"], name=op.f("fk_chosen_names_chosen_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_chosen_names_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_chosen_names_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chosen_names")),
        sa.UniqueConstraint("system_id", "login_name", name=op.f("uq_chosen_names_system_id_login_name")),
        sa.UniqueConstraint("system_id", "person_id", name=op.f("uq_chosen_names_system_id_person_id")),
    )
    op.create_table(
        "configuration_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "profile",
                "organisation",
                "feed",
                name="configurationkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "accepted_by_id IS NULL OR accepted_by_id <> proposed_by_id",
            name=op.f("ck_configuration_versions_two_people"),
        ),
        sa.CheckConstraint(
            "version = 1 OR accepted_at IS NULL OR accepted_by_id IS NOT NULL",
            name=op.f("ck_configuration_versions_accepted"),
        ),
        sa.CheckConstraint(
            "version = 1 OR proposed_by_id IS NOT NULL", name=op.f("ck_configuration_versions_proposed")
        ),
        sa.ForeignKeyConstraint(
            ["accepted_by_id"], ["people.id"], name=op.f("fk_configuration_versions_accepted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"], ["people.id"], name=op.f("fk_configuration_versions_proposed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_versions")),
        sa.UniqueConstraint("kind", "name", "version", name=op.f("uq_configuration_versions_kind_name_version")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("recorded_by_id <> person_id", name=op.f("ck_consents_not_by_oneself")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_consents_person_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["people.id"], name=op.f("fk_consents_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("person_id", "given_on", name=op.f("uq_consents_person_id_given_on")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_person_id"), ["person_id"], unique=False)

    op.create_table(
        "contracts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("manager_name", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.String(length=32), nullable=False),
        sa.Column("above_id", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("registered_by_id", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("above_id IS NULL OR above_id <> id", name=op.f("ck_contracts_not_under_itself")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_contracts_period")),
        sa.ForeignKeyConstraint(["above_id"], ["contracts.id"], name=op.f("fk_contracts_above_id")),
        sa.ForeignKeyConstraint(["registered_by_id"], ["people.id"], name=op.f("fk_contracts_registered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint("number", name=op.f("uq_contracts_number")),
    )
    op.create_table(
        "deputies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("deputy_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "accepted_by_id IS NULL OR accepted_by_id <> deputy_id", name=op.f("ck_deputies_not_accepted_by_oneself")
        ),
        sa.CheckConstraint("deputy_id <> principal_id", name=op.f("ck_deputies_not_oneself")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_deputies_period")),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["people.id"], name=op.f("fk_deputies_accepted_by_id")),
        sa.ForeignKeyConstraint(["deputy_id"], ["people.id"], name=op.f("fk_deputies_deputy_id")),
        sa.ForeignKeyConstraint(["principal_id"], ["people.id"], name=op.f("fk_deputies_principal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deputies")),
    )
    with op.batch_alter_table("deputies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deputies_deputy_id"), ["deputy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deputies_principal_id"), ["principal_id"], unique=False)

    op.create_table(
        "enrolment_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "issued_by_id IS NULL OR issued_by_id <> person_id", name=op.f("ck_enrolment_links_not_to_oneself")
        ),
        sa.CheckConstraint("used_at IS NULL OR replaced_at IS NULL", name=op.f("ck_enrolment_links_used_or_replaced")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["people.id"], name=op.f("fk_enrolment_links_issued_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_enrolment_links_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enrolment_links_token_hash")),
    )
    with op.batch_alter_table("enrolment_links", schema=None) as batch_op:
        batch_op.create_index(
            "uq_enrolment_links_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("used_at IS NULL AND replaced_at IS NULL"),
            postgresql_where=sa.text("used_at IS NULL AND replaced_at IS NULL"),
        )

    op.create_table(
        "enrolment_list_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_on", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by_id", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["imported_by_id"], ["people.id"], name=op.f("fk_enrolment_list_imports_imported_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_enrolment_list_imports_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_list_imports")),
        sa.UniqueConstraint(
            "system_id", "digest", "imported_at", name=op.f("uq_enrolment_list_imports_system_id_digest_imported_at")
        ),
    )
    with op.batch_alter_table("enrolment_list_imports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolment_list_imports_system_id"), ["system_id"], unique=False)

    op.create_table(
        "external_services",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "approved",
                "refused",
                "withdrawn",
                "replaced",
                "ending",
                "closed",
                name="externalservicestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("users", sa.Text(), nullable=False),
        sa.Column("information", sa.Text(), nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("contract_until", sa.Date(), nullable=True),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_note", sa.Text(), nullable=True),
        sa.Column("administrator_id", sa.Integer(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("end_planned_by_id", sa.Integer(), nullable=True),
        sa.Column("end_planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("users_told", sa.Integer(), nullable=True),
        sa.Column("carried_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_external_services_closed_when")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'withdrawn') OR answered_by_id IS NOT NULL", name=op.f("ck_external_services_answered")
        ),
        sa.CheckConstraint(
            "state NOT IN ('ending', 'closed') OR (end_on IS NOT NULL AND end_planned_by_id IS NOT NULL)",
            name=op.f("ck_external_services_end_planned"),
        ),
        sa.CheckConstraint(
            "answered_by_id IS NULL OR answered_by_id <> asked_by_id", name=op.f("ck_external_services_two_people")
        ),
        sa.CheckConstraint(
            "closed_at IS NULL OR carried_out_at IS NOT NULL", name=op.f("ck_external_services_closed_after_its_end")
        ),
        sa.ForeignKeyConstraint(
            ["administrator_id"], ["people.id"], name=op.f("fk_external_services_administrator_id")
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["people.id"], name=op.f("fk_external_services_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["people.id"], name=op.f("fk_external_services_asked_by_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["people.id"], name=op.f("fk_external_services_closed_by_id")),
        sa.ForeignKeyConstraint(
            ["end_planned_by_id"], ["people.id"], name=op.f("fk_external_services_end_planned_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["external_services.id"], name=op.f("fk_external_services_replaces_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_external_services_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_services")),
    )
    with op.batch_alter_table("external_services", schema=None) as batch_op:
        batch_op.create_index(
            "uq_external_services_replacing",
            ["replaces_id"],
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )
        batch_op.create_index(
            "uq_external_services_system",
            ["system_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('approved', 'ending')"),
            postgresql_where=sa.text("state IN ('approved', 'ending')"),
        )

    op.create_table(
        "gaiji_mappings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("character", sa.String(length=8), nullable=False),
        sa.Column("replacement", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by_id"], ["people.id"], name=op.f("fk_gaiji_mappings_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaiji_mappings")),
    )
    with op.batch_alter_table("gaiji_mappings", schema=None) as batch_op:
        batch_op.create_index(
            "uq_gaiji_mappings_current",
            ["feed", "character"],
            unique=True,
            sqlite_where=sa.text("replaced_at IS NULL"),
            postgresql_where=sa.text("replaced_at IS NULL"),
        )

    op.create_table(
        "holder_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "personal",
                "privileged",
                "shared",
                "service",
                "contractor",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("holders", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_holder_counts_system_id")),
        sa.PrimaryKeyConstraint("day", "system_id", "kind", name=op.f("pk_holder_counts")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by_id", sa.Integer(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=True),
        sa.Column("lift_asked_by_id", sa.Integer(), nullable=True),
        sa.Column("lift_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lifted_by_id IS NULL) = (lifted_at IS NULL)", name=op.f("ck_legal_holds_lifted_by_someone")
        ),
        sa.CheckConstraint(
            "lifted_by_id IS NULL OR (lift_asked_by_id IS NOT NULL AND lifted_by_id <> lift_asked_by_id)",
            name=op.f("ck_legal_holds_lifted_by_two"),
        ),
        sa.ForeignKeyConstraint(["lift_asked_by_id"], ["people.id"], name=op.f("fk_legal_holds_lift_asked_by_id")),
        sa.ForeignKeyConstraint(["lifted_by_id"], ["people.id"], name=op.f("fk_legal_holds_lifted_by_id")),
        sa.ForeignKeyConstraint(["ordered_by_id"], ["people.id"], name=op.f("fk_legal_holds_ordered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_table(
        "listings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("uploaded_by_id", sa.Integer(), nullable=True),
        sa.Column("uploaded_by_label", sa.Text(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by_id", sa.Integer(), nullable=True),
        sa.Column("agreeing", sa.Integer(), nullable=False),
        sa.Column("differing", sa.Integer(), nullable=False),
        sa.Column("orphans", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("shows_enabled", sa.Boolean(), nullable=False),
        sa.Column("shows_groups", sa.Boolean(), nullable=False),
        sa.Column("shows_last_use", sa.Boolean(), nullable=False),
        sa.CheckConstraint("row_count > 0", name=op.f("ck_listings_not_empty")),
        sa.CheckConstraint("taken_at IS NOT NULL OR taken_by_id IS NULL", name=op.f("ck_listings_taken")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_listings_system_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["people.id"], name=op.f("fk_listings_taken_by_id")),
        sa.ForeignKeyConstraint(["uploaded_by_id"], ["people.id"], name=op.f("fk_listings_uploaded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listings")),
    )
    with op.batch_alter_table("listings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_listings_system_id"), ["system_id"], unique=False)
        batch_op.create_index(
            "uq_listings_taken",
            ["system_id", "as_of", "sha256"],
            unique=True,
            sqlite_where=sa.text("taken_at IS NOT NULL"),
            postgresql_where=sa.text("taken_at IS NOT NULL"),
        )

    op.create_table(
        "log_check_signatures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("up_to", sa.Date(), nullable=False),
        sa.Column("signed_by_id", sa.Integer(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("left_open", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["signed_by_id"], ["people.id"], name=op.f("fk_log_check_signatures_signed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_check_signatures")),
    )
    op.create_table(
        "mail_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("copy_for_id", sa.Integer(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("digest_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "held",
                "digested",
                "sent",
                "refused",
                name="mailstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("refusal_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'digested') = (digest_id IS NOT NULL)", name=op.f("ck_mail_messages_digested_in_one")
        ),
        sa.CheckConstraint(
            "NOT (urgent AND state IN ('held', 'digested'))", name=op.f("ck_mail_messages_urgent_waits_for_no_digest")
        ),
        sa.ForeignKeyConstraint(["copy_for_id"], ["people.id"], name=op.f("fk_mail_messages_copy_for_id")),
        sa.ForeignKeyConstraint(["digest_id"], ["mail_messages.id"], name=op.f("fk_mail_messages_digest_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_mail_messages_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_messages")),
    )
    with op.batch_alter_table("mail_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_messages_digest_id"), ["digest_id"], unique=False)
        batch_op.create_index("ix_mail_messages_due", ["state", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_mail_messages_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_mail_messages_recipient", ["recipient", "state"], unique=False)

    op.create_table(
        "notice_preferences",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("daily", sa.Boolean(), nullable=False),
        sa.Column("away_from", sa.Date(), nullable=True),
        sa.Column("away_until", sa.Date(), nullable=True),
        sa.Column("told_instead_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "away_until IS NULL OR away_from IS NOT NULL", name=op.f("ck_notice_preferences_away_since")
        ),
        sa.CheckConstraint("away_until IS NULL OR away_until > away_from", name=op.f("ck_notice_preferences_period")),
        sa.CheckConstraint(
            "told_instead_id IS NULL OR told_instead_id <> person_id", name=op.f("ck_notice_preferences_somebody_else")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_notice_preferences_person_id")),
        sa.ForeignKeyConstraint(["told_instead_id"], ["people.id"], name=op.f("fk_notice_preferences_told_instead_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_notice_preferences")),
    )
    op.create_table(
        "official_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "in_use",
                "refused",
                "withdrawn",
                "taken_over",
                "ended",
                "closed",
                name="officialaccountstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("own_page", sa.Text(), nullable=False),
        sa.Column("same_elsewhere", sa.Text(), nullable=False),
        sa.Column("custody", sa.Text(), nullable=False),
        sa.Column("two_factors", sa.Boolean(), nullable=False),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("responsible_id", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_note", sa.Text(), nullable=True),
        sa.Column("password_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_changed_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closing_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_by_id IS NOT NULL)", name=op.f("ck_official_accounts_closed_by")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'withdrawn') OR answered_by_id IS NOT NULL", name=op.f("ck_official_accounts_answered")
        ),
        sa.CheckConstraint(
            "state NOT IN ('ended', 'closed') OR (ended_by_id IS NOT NULL AND ended_how IS NOT NULL)",
            name=op.f("ck_official_accounts_ended_how"),
        ),
        sa.CheckConstraint(
            "answered_by_id IS NULL OR answered_by_id <> asked_by_id", name=op.f("ck_official_accounts_two_people")
        ),
        sa.CheckConstraint(
            "closed_by_id IS NULL OR closed_by_id <> ended_by_id",
            name=op.f("ck_official_accounts_confirmed_by_another"),
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["people.id"], name=op.f("fk_official_accounts_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["people.id"], name=op.f("fk_official_accounts_asked_by_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["people.id"], name=op.f("fk_official_accounts_closed_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["people.id"], name=op.f("fk_official_accounts_ended_by_id")),
        sa.ForeignKeyConstraint(
            ["password_changed_by_id"], ["people.id"], name=op.f("fk_official_accounts_password_changed_by_id")
        ),
        sa.ForeignKeyConstraint(["responsible_id"], ["people.id"], name=op.f("fk_official_accounts_responsible_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_accounts")),
    )
    with op.batch_alter_table("official_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_official_accounts_responsible_id"), ["responsible_id"], unique=False)
        batch_op.create_index(
            "uq_official_accounts_live",
            ["service", "handle"],
            unique=True,
            sqlite_where=sa.text("state IN ('in_use', 'taken_over', 'ended')"),
            postgresql_where=sa.text("state IN ('in_use', 'taken_over', 'ended')"),
        )

    op.create_table(
        "own_devices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "permitted",
                "refused",
                "withdrawn",
                "lapsed",
                "replaced",
                "to_clear",
                "cleared",
                "lost",
                "closed",
                name="owndevicestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("contract_holder", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("os", sa.Text(), nullable=False),
        sa.Column("os_version", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("information", sa.Text(), nullable=False),
        sa.Column("confidentiality", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("connects_inside", sa.Boolean(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "period_over",
                "not_needed",
                "taken_back",
                "moved",
                "left",
                "found_again",
                name="owndeviceend",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.Column("cleared_how", sa.Text(), nullable=True),
        sa.Column("cleared_by_id", sa.Integer(), nullable=True),
        sa.Column("lost_what", sa.Text(), nullable=True),
        sa.Column("lost_told_by_id", sa.Integer(), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closing_note", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'closed') = (closed_by_id IS NOT NULL)", name=op.f("ck_own_devices_closed_by")),
        sa.CheckConstraint(
            "end_reason IS NULL OR end_reason <> 'taken_back' OR end_note IS NOT NULL",
            name=op.f("ck_own_devices_taken_back_why"),
        ),
        sa.CheckConstraint(
            "state <> 'cleared' OR (cleared_how IS NOT NULL AND cleared_by_id IS NOT NULL)",
            name=op.f("ck_own_devices_cleared_how"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('lost') OR (lost_what IS NOT NULL AND lost_told_by_id IS NOT NULL)",
            name=op.f("ck_own_devices_lost_what"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('to_clear', 'cleared') OR end_reason IS NOT NULL", name=op.f("ck_own_devices_why_ended")
        ),
        sa.CheckConstraint("begins_on < ends_on", name=op.f("ck_own_devices_period")),
        sa.CheckConstraint(
            "closed_by_id IS NULL OR cleared_by_id IS NULL OR closed_by_id <> cleared_by_id",
            name=op.f("ck_own_devices_confirmed_by_another"),
        ),
        sa.CheckConstraint("closed_by_id IS NULL OR closed_by_id <> holder_id", name=op.f("ck_own_devices_two_people")),
        sa.CheckConstraint("confidentiality BETWEEN 1 AND 3", name=op.f("ck_own_devices_confidentiality")),
        sa.ForeignKeyConstraint(["cleared_by_id"], ["people.id"], name=op.f("fk_own_devices_cleared_by_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["people.id"], name=op.f("fk_own_devices_closed_by_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["people.id"], name=op.f("fk_own_devices_holder_id")),
        sa.ForeignKeyConstraint(["lost_told_by_id"], ["people.id"], name=op.f("fk_own_devices_lost_told_by_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["own_devices.id"], name=op.f("fk_own_devices_replaces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_devices")),
        sa.UniqueConstraint("id", "holder_id", name="holder"),
    )
    with op.batch_alter_table("own_devices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_own_devices_holder_id"), ["holder_id"], unique=False)
        batch_op.create_index(
            "uq_own_devices_replacing",
            ["replaces_id"],
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )

    op.create_table(
        "password_rules_read",
        sa.Column("system_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_password_rules_read_system_id")
        ),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_password_rules_read")),
    )
    op.create_table(
        "planned_batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "feed", "lifecycle", "review", name="runkind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("feed", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind <> 'feed' OR (feed IS NOT NULL AND sha256 IS NOT NULL)",
            name=op.f("ck_planned_batches_names_its_file"),
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by_id IS NULL)", name=op.f("ck_planned_batches_approved_by_someone")
        ),
        sa.CheckConstraint(
            "approved_by_id IS NULL OR approved_by_id <> proposed_by_id", name=op.f("ck_planned_batches_two_people")
        ),
        sa.CheckConstraint("refused_at IS NULL OR approved_at IS NULL", name=op.f("ck_planned_batches_one_answer")),
        sa.ForeignKeyConstraint(["approved_by_id"], ["people.id"], name=op.f("fk_planned_batches_approved_by_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["people.id"], name=op.f("fk_planned_batches_proposed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_batches")),
    )
    op.create_table(
        "privilege_deputies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("deputy_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by_id IS NULL)", name=op.f("ck_privilege_deputies_accepted_by_someone")
        ),
        sa.CheckConstraint(
            "accepted_by_id IS NULL OR (accepted_by_id <> deputy_id AND accepted_by_id <> named_by_id)",
            name=op.f("ck_privilege_deputies_accepted_by_another"),
        ),
        sa.CheckConstraint("deputy_id <> principal_id", name=op.f("ck_privilege_deputies_not_oneself")),
        sa.CheckConstraint("named_by_id <> deputy_id", name=op.f("ck_privilege_deputies_not_named_by_oneself")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_privilege_deputies_period")),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["people.id"], name=op.f("fk_privilege_deputies_accepted_by_id")),
        sa.ForeignKeyConstraint(["deputy_id"], ["people.id"], name=op.f("fk_privilege_deputies_deputy_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["people.id"], name=op.f("fk_privilege_deputies_ended_by_id")),
        sa.ForeignKeyConstraint(["named_by_id"], ["people.id"], name=op.f("fk_privilege_deputies_named_by_id")),
        sa.ForeignKeyConstraint(["principal_id"], ["people.id"], name=op.f("fk_privilege_deputies_principal_id")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_privilege_deputies_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privilege_deputies")),
    )
    with op.batch_alter_table("privilege_deputies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_privilege_deputies_deputy_id"), ["deputy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_privilege_deputies_principal_id"), ["principal_id"], unique=False)

    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_recovery_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_codes_person_id"), ["person_id"], unique=False)

    op.create_table(
        "retired_names",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("login_name", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_retired_names_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_names")),
    )
    with op.batch_alter_table("retired_names", schema=None) as batch_op:
        batch_op.create_index(
            "uq_retired_names_everywhere",
            ["login_name"],
            unique=True,
            sqlite_where=sa.text("system_id IS NULL"),
            postgresql_where=sa.text("system_id IS NULL"),
        )
        batch_op.create_index(
            "uq_retired_names_system",
            ["system_id", "login_name"],
            unique=True,
            sqlite_where=sa.text("system_id IS NOT NULL"),
            postgresql_where=sa.text("system_id IS NOT NULL"),
        )

    op.create_table(
        "service_blocks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "service",
            sa.Enum("internet", "mail", name="service", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_id IS NULL)", name=op.f("ck_service_blocks_lifted_by_someone")
        ),
        sa.CheckConstraint(
            "lifted_by_id IS NULL OR lifted_by_id <> person_id", name=op.f("ck_service_blocks_not_lifted_by_oneself")
        ),
        sa.ForeignKeyConstraint(["lifted_by_id"], ["people.id"], name=op.f("fk_service_blocks_lifted_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_service_blocks_person_id")),
        sa.ForeignKeyConstraint(["reported_by_id"], ["people.id"], name=op.f("fk_service_blocks_reported_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_blocks")),
    )
    with op.batch_alter_table("service_blocks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_blocks_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_service_blocks_open",
            ["person_id", "service"],
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.create_table(
        "sign_in_attempts",
        sa.Column("name_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("during_lock", sa.Integer(), nullable=False),
        sa.Column("lock_sources", sa.JSON(), nullable=False),
        sa.Column("locks", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sign_in_attempts_person_id")),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_sign_in_attempts")),
    )
    with op.batch_alter_table("sign_in_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempts_last_at"), ["last_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_attempts_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "ix_sign_in_attempts_untold",
            ["locked_until"],
            unique=False,
            sqlite_where=sa.text("during_lock > 0"),
            postgresql_where=sa.text("during_lock > 0"),
        )

    op.create_table(
        "sign_in_challenges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sign_in_challenges_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_challenges")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_challenges_token_hash")),
    )
    with op.batch_alter_table("sign_in_challenges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_challenges_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "way",
            sa.Enum(
                "password",
                "directory",
                "provider",
                name="signinway",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_pending", sa.LargeBinary(), nullable=True),
        sa.Column("last_totp_step", sa.Integer(), nullable=True),
        sa.Column("factor_lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(way = 'password') = (password_hash IS NOT NULL)", name=op.f("ck_sign_ins_password_by_way")
        ),
        sa.CheckConstraint("name = lower(name)", name=op.f("ck_sign_ins_canonical")),
        sa.CheckConstraint(
            "totp_secret IS NULL OR last_totp_step IS NOT NULL", name=op.f("ck_sign_ins_confirmed_by_a_code")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sign_ins_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("name", name=op.f("uq_sign_ins_name")),
        sa.UniqueConstraint("person_id", name=op.f("uq_sign_ins_person_id")),
    )
    op.create_table(
        "standing_approvals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules_digest", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chief_id", sa.Integer(), nullable=True),
        sa.Column("chief_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chief_for_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("manager_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manager_for_id", sa.Integer(), nullable=True),
        sa.Column("in_force_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapses_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "chief_id IS NULL OR chief_id <> proposed_by_id", name=op.f("ck_standing_approvals_sod_1_chief")
        ),
        sa.CheckConstraint(
            "chief_id IS NULL OR manager_id IS NULL OR chief_id <> manager_id", name=op.f("ck_standing_approvals_sod_4")
        ),
        sa.CheckConstraint(
            "in_force_at IS NULL OR (chief_id IS NOT NULL AND manager_id IS NOT NULL)",
            name=op.f("ck_standing_approvals_approved"),
        ),
        sa.CheckConstraint(
            "manager_id IS NULL OR manager_id <> proposed_by_id", name=op.f("ck_standing_approvals_sod_1_manager")
        ),
        sa.ForeignKeyConstraint(["chief_for_id"], ["people.id"], name=op.f("fk_standing_approvals_chief_for_id")),
        sa.ForeignKeyConstraint(["chief_id"], ["people.id"], name=op.f("fk_standing_approvals_chief_id")),
        sa.ForeignKeyConstraint(["manager_for_id"], ["people.id"], name=op.f("fk_standing_approvals_manager_for_id")),
        sa.ForeignKeyConstraint(["manager_id"], ["people.id"], name=op.f("fk_standing_approvals_manager_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["people.id"], name=op.f("fk_standing_approvals_proposed_by_id")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_standing_approvals_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_approvals")),
    )
    with op.batch_alter_table("standing_approvals", schema=None) as batch_op:
        batch_op.create_index(
            "uq_standing_approvals_open",
            ["system_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "sweep_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("examined", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("night_id", sa.Integer(), nullable=True),
        sa.Column("clock_apart", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["night_id"], ["sweep_nights.id"], name=op.f("fk_sweep_runs_night_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_sweep_runs_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_runs")),
    )
    with op.batch_alter_table("sweep_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sweep_runs_night_id"), ["night_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sweep_runs_system_id"), ["system_id"], unique=False)

    op.create_table(
        "sweep_sign_off_reminders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_sweep_sign_off_reminders_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_sign_off_reminders")),
        sa.UniqueConstraint(
            "system_id", "due_on", "overdue", name=op.f("uq_sweep_sign_off_reminders_system_id_due_on_overdue")
        ),
    )
    op.create_table(
        "sweep_sign_offs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.Integer(), nullable=False),
        sa.Column(
            "seat",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("signed_by_id", sa.Integer(), nullable=False),
        sa.Column("acting_for_id", sa.Integer(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_hash", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["acting_for_id"], ["people.id"], name=op.f("fk_sweep_sign_offs_acting_for_id")),
        sa.ForeignKeyConstraint(["night_id"], ["sweep_nights.id"], name=op.f("fk_sweep_sign_offs_night_id")),
        sa.ForeignKeyConstraint(["signed_by_id"], ["people.id"], name=op.f("fk_sweep_sign_offs_signed_by_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_sweep_sign_offs_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_sign_offs")),
        sa.UniqueConstraint("system_id", "night_id", "seat", name=op.f("uq_sweep_sign_offs_system_id_night_id_seat")),
    )
    op.create_table(
        "system_progress",
        sa.Column("system_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inventoried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_system_progress_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_system_progress")),
    )
    op.create_table(
        "system_tests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "fine", "warning", "failed", name="checkverdict", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("stops_writing", sa.Text(), nullable=True),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_system_tests_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_tests")),
    )
    with op.batch_alter_table("system_tests", schema=None) as batch_op:
        batch_op.create_index("ix_system_tests_newest", ["system_id", "at"], unique=False)

    op.create_table(
        "violation_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=True),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guided_by_id", sa.Integer(), nullable=True),
        sa.Column("guided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guidance", sa.Text(), nullable=True),
        sa.Column("guidance_failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guidance_failed_by_id", sa.Integer(), nullable=True),
        sa.Column("guidance_failure", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closing_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(guidance_failed_at IS NULL) = (guidance_failed_by_id IS NULL)",
            name=op.f("ck_violation_reports_failed_by_someone"),
        ),
        sa.CheckConstraint(
            "guidance_failed_at IS NULL OR guided_at IS NOT NULL", name=op.f("ck_violation_reports_guided_first")
        ),
        sa.CheckConstraint(
            "guidance_failed_by_id IS NULL OR guidance_failed_by_id <> person_id",
            name=op.f("ck_violation_reports_not_failed_by_oneself"),
        ),
        sa.CheckConstraint(
            "guided_by_id IS NULL OR guided_by_id <> person_id", name=op.f("ck_violation_reports_not_guided_by_oneself")
        ),
        sa.CheckConstraint("reported_by_id <> person_id", name=op.f("ck_violation_reports_not_by_oneself")),
        sa.ForeignKeyConstraint(
            ["guidance_failed_by_id"], ["people.id"], name=op.f("fk_violation_reports_guidance_failed_by_id")
        ),
        sa.ForeignKeyConstraint(["guided_by_id"], ["people.id"], name=op.f("fk_violation_reports_guided_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_violation_reports_person_id")),
        sa.ForeignKeyConstraint(["reported_by_id"], ["people.id"], name=op.f("fk_violation_reports_reported_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violation_reports")),
    )
    with op.batch_alter_table("violation_reports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_violation_reports_person_id"), ["person_id"], unique=False)

    op.create_table(
        "web_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recovery_code_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("browser", sa.String(length=64), nullable=True),
        sa.Column("previous_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("previous_sign_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures_before", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_web_sessions_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_web_sessions_token_hash")),
    )
    with op.batch_alter_table("web_sessions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_web_sessions_open",
            ["person_id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ix_web_sessions_place", ["person_id", "source", "browser"], unique=False)

    op.create_table(
        "audit_checkpoints",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["audit_seals.sequence"], name=op.f("fk_audit_checkpoints_sequence")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "authenticator_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("authenticator_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("list_import_id", sa.Integer(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["authenticator_id"], ["authenticators.id"], name=op.f("fk_authenticator_uses_authenticator_id")
        ),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["people.id"], name=op.f("fk_authenticator_uses_confirmed_by_id")),
        sa.ForeignKeyConstraint(
            ["list_import_id"], ["enrolment_list_imports.id"], name=op.f("fk_authenticator_uses_list_import_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["information_systems.id"], name=op.f("fk_authenticator_uses_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticator_uses")),
    )
    with op.batch_alter_table("authenticator_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authenticator_uses_authenticator_id"), ["authenticator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_authenticator_uses_system_id"), ["system_id"], unique=False)
        batch_op.create_index(
            "uq_authenticator_uses_open",
            ["authenticator_id", "system_id"],
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )

    op.create_table(
        "dormancy_cases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "dormant",
                "never_used",
                "last_use_unknown",
                "orphan",
                "left",
                "check_failed",
                "unadopted",
                "missing",
                "drift",
                "extra_member",
                "work_overdue",
                "factor_missing",
                "factor_unshown",
                "default_name",
                "out_of_band",
                "unregistered_privilege",
                "password_rules",
                "temporary_overdue",
                "password_overdue",
                "rotation_overdue",
                "report_overdue",
                "owner_gone",
                "contract_ended",
                "exception_expired",
                "shared_user_left",
                "not_checked",
                "stop_not_reached",
                "after_hours",
                "burst",
                "refused_attempts",
                "quick_decisions",
                "sudden_use",
                "clock_drift",
                "export_late",
                "change_due",
                "service_uncared",
                "factor_unregistered",
                "own_device_uncared",
                "own_device_lost",
                "official_account_uncared",
                "official_account_taken_over",
                "stop_unconfirmed",
                name="findingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "stage",
            sa.Enum(
                "warned",
                "disabled",
                "deleted",
                "closed",
                name="dormancystage",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disable_on", sa.Date(), nullable=False),
        sa.Column("told_id", sa.Integer(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delete_on", sa.Date(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_back", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("stage <> 'deleted' OR deleted_at IS NOT NULL", name=op.f("ck_dormancy_cases_deleted_when")),
        sa.CheckConstraint(
            "stage <> 'disabled' OR disabled_at IS NOT NULL", name=op.f("ck_dormancy_cases_disabled_when")
        ),
        sa.CheckConstraint(
            "stage <> 'disabled' OR told_id IS NOT NULL", name=op.f("ck_dormancy_cases_stopped_after_somebody_was_told")
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (close_reason IS NULL)", name=op.f("ck_dormancy_cases_close_explained")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_dormancy_cases_account_id")),
        sa.ForeignKeyConstraint(["told_id"], ["people.id"], name=op.f("fk_dormancy_cases_told_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dormancy_cases")),
    )
    with op.batch_alter_table("dormancy_cases", schema=None) as batch_op:
        batch_op.create_index(
            "uq_dormancy_cases_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "entitlements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "account",
                "group",
                "shared_id",
                name="entitlementkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("target_name", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("by_name_only", sa.Boolean(), nullable=False),
        sa.Column(
            "service",
            sa.Enum("internet", "mail", name="service", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("external_access", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("shared_account_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'shared_id') = (shared_account_id IS NOT NULL)", name=op.f("ck_entitlements_shared_id_named")
        ),
        sa.CheckConstraint("kind <> 'group' OR target_name IS NOT NULL", name=op.f("ck_entitlements_group_named")),
        sa.CheckConstraint(
            "kind <> 'shared_id' OR NOT privileged", name=op.f("ck_entitlements_shared_id_on_the_daily_one")
        ),
        sa.ForeignKeyConstraint(
            ["shared_account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_entitlements_shared_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_entitlements_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlements")),
        sa.UniqueConstraint("id", "system_id", name=op.f("uq_entitlements_id_system_id")),
        sa.UniqueConstraint("shared_account_id", name=op.f("uq_entitlements_shared_account_id")),
        sa.UniqueConstraint("system_id", "code", name=op.f("uq_entitlements_system_id_code")),
    )
    op.create_table(
        "exceptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "permitted",
                "refused",
                "ended",
                "expired",
                name="exceptionstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column(
            "finding_kind",
            sa.Enum(
                "dormant",
                "never_used",
                "last_use_unknown",
                "orphan",
                "left",
                "check_failed",
                "unadopted",
                "missing",
                "drift",
                "extra_member",
                "work_overdue",
                "factor_missing",
                "factor_unshown",
                "default_name",
                "out_of_band",
                "unregistered_privilege",
                "password_rules",
                "temporary_overdue",
                "password_overdue",
                "rotation_overdue",
                "report_overdue",
                "owner_gone",
                "contract_ended",
                "exception_expired",
                "shared_user_left",
                "not_checked",
                "stop_not_reached",
                "after_hours",
                "burst",
                "refused_attempts",
                "quick_decisions",
                "sudden_use",
                "clock_drift",
                "export_late",
                "change_due",
                "service_uncared",
                "factor_unregistered",
                "own_device_uncared",
                "own_device_lost",
                "official_account_uncared",
                "official_account_taken_over",
                "stop_unconfirmed",
                name="findingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "account",
                "person",
                "system",
                "unit",
                "organisation",
                name="exceptionscope",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("compensating_control", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_note", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("escalated_level", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renews_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(scope = 'account') = (account_id IS NOT NULL)", name=op.f("ck_exceptions_names_an_account")
        ),
        sa.CheckConstraint("(scope = 'person') = (person_id IS NOT NULL)", name=op.f("ck_exceptions_names_a_person")),
        sa.CheckConstraint("(scope = 'unit') = (unit_code IS NOT NULL)", name=op.f("ck_exceptions_names_a_unit")),
        sa.CheckConstraint("scope <> 'system' OR system_id IS NOT NULL", name=op.f("ck_exceptions_names_a_system")),
        sa.CheckConstraint(
            "state NOT IN ('permitted', 'expired') OR answered_by_id IS NOT NULL",
            name=op.f("ck_exceptions_permitted_by_ciso"),
        ),
        sa.CheckConstraint(
            "acted_at IS NOT NULL OR reported_at IS NULL", name=op.f("ck_exceptions_report_of_an_emergency")
        ),
        sa.CheckConstraint(
            "answered_by_id IS NULL OR answered_by_id <> asked_by_id", name=op.f("ck_exceptions_two_people")
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_exceptions_period")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_exceptions_account_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["people.id"], name=op.f("fk_exceptions_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["people.id"], name=op.f("fk_exceptions_asked_by_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["people.id"], name=op.f("fk_exceptions_ended_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_exceptions_person_id")),
        sa.ForeignKeyConstraint(["renews_id"], ["exceptions.id"], name=op.f("fk_exceptions_renews_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_exceptions_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exceptions")),
    )
    with op.batch_alter_table("exceptions", schema=None) as batch_op:
        batch_op.create_index("ix_exceptions_holding", ["state", "valid_until"], unique=False)
        batch_op.create_index(
            "uq_exceptions_renewal",
            ["renews_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('asked', 'permitted')"),
            postgresql_where=sa.text("state IN ('asked', 'permitted')"),
        )

    op.create_table(
        "external_service_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("still_needed", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checked_by_id"], ["people.id"], name=op.f("fk_external_service_checks_checked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["external_services.id"], name=op.f("fk_external_service_checks_service_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_service_checks")),
    )
    with op.batch_alter_table("external_service_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_external_service_checks_service_id"), ["service_id"], unique=False)

    op.create_table(
        "factor_readings",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("list_import_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_factor_readings_account_id")),
        sa.ForeignKeyConstraint(
            ["list_import_id"], ["enrolment_list_imports.id"], name=op.f("fk_factor_readings_list_import_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_factor_readings")),
    )
    op.create_table(
        "feed_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "command",
                "upload",
                "inbox",
                "scim",
                name="feedsource",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("joiners", sa.Integer(), nullable=False),
        sa.Column("movers", sa.Integer(), nullable=False),
        sa.Column("leavers", sa.Integer(), nullable=False),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["planned_batches.id"], name=op.f("fk_feed_runs_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_runs")),
    )
    op.create_table(
        "found_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("login_name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("employee_number", sa.Text(), nullable=True),
        sa.Column("mail", sa.Text(), nullable=True),
        sa.Column("unit_name", sa.Text(), nullable=True),
        sa.Column("container", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("marked", sa.Boolean(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "undecided",
                "person",
                "not_personal",
                "finding",
                name="foundstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "personal",
                "privileged",
                "shared",
                "service",
                "contractor",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("rule", sa.String(length=32), nullable=True),
        sa.Column("doubt", sa.String(length=32), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(state = 'person') = (person_id IS NOT NULL)", name=op.f("ck_found_accounts_whose")),
        sa.CheckConstraint(
            "CASE state WHEN 'not_personal' THEN kind IS NOT NULL AND kind <> 'personal' WHEN 'person' THEN kind IS NULL OR kind = 'privileged' ELSE kind IS NULL END",
            name=op.f("ck_found_accounts_what_kind"),
        ),
        sa.CheckConstraint(
            "account_id IS NULL OR state IN ('person', 'not_personal')",
            name=op.f("ck_found_accounts_adopted_as_decided"),
        ),
        sa.CheckConstraint(
            "settled_by_id IS NULL OR (settled_at IS NOT NULL AND reason IS NOT NULL)",
            name=op.f("ck_found_accounts_reasoned"),
        ),
        sa.CheckConstraint(
            "settled_by_id IS NULL OR person_id IS NULL OR settled_by_id <> person_id",
            name=op.f("ck_found_accounts_not_by_oneself"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_found_accounts_account_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_found_accounts_person_id")),
        sa.ForeignKeyConstraint(["settled_by_id"], ["people.id"], name=op.f("fk_found_accounts_settled_by_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_found_accounts_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_found_accounts")),
        sa.UniqueConstraint("account_id", name=op.f("uq_found_accounts_account_id")),
        sa.UniqueConstraint("system_id", "external_id", name=op.f("uq_found_accounts_system_id_external_id")),
    )
    with op.batch_alter_table("found_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_found_accounts_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_found_accounts_state", ["system_id", "state"], unique=False)
        batch_op.create_index(
            "uq_found_accounts_person",
            ["system_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("state = 'person' AND gone_at IS NULL AND kind IS NULL"),
            postgresql_where=sa.text("state = 'person' AND gone_at IS NULL AND kind IS NULL"),
        )
        batch_op.create_index(
            "uq_found_accounts_privileged",
            ["system_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("state = 'person' AND gone_at IS NULL AND kind IS NOT NULL"),
            postgresql_where=sa.text("state = 'person' AND gone_at IS NULL AND kind IS NOT NULL"),
        )

    op.create_table(
        "handovers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "way",
            sa.Enum("screen", "zone_printer", name="handoverway", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("change_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(way = 'zone_printer') = (public_key IS NULL)", name=op.f("ck_handovers_key_by_way")),
        sa.CheckConstraint("way <> 'zone_printer' OR sealed IS NULL", name=op.f("ck_handovers_printed_inside")),
        sa.CheckConstraint("changed_at IS NULL OR replaced_at IS NULL", name=op.f("ck_handovers_one_end")),
        sa.CheckConstraint("officer_id <> subject_id", name=op.f("ck_handovers_not_to_oneself")),
        sa.CheckConstraint(
            "received_by IS NULL OR received_at IS NOT NULL", name=op.f("ck_handovers_received_by_someone")
        ),
        sa.CheckConstraint("shown_at IS NULL OR sealed IS NULL", name=op.f("ck_handovers_shown_once")),
        sa.ForeignKeyConstraint(
            ["account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_handovers_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["people.id"], name=op.f("fk_handovers_officer_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["people.id"], name=op.f("fk_handovers_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    with op.batch_alter_table("handovers", schema=None) as batch_op:
        batch_op.create_index(
            "uq_handovers_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("shown_at IS NULL AND closed_at IS NULL"),
            postgresql_where=sa.text("shown_at IS NULL AND closed_at IS NULL"),
        )

    op.create_table(
        "leak_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_leak_reports_account_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_leak_reports_person_id")),
        sa.ForeignKeyConstraint(["reported_by_id"], ["people.id"], name=op.f("fk_leak_reports_reported_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leak_reports")),
    )
    with op.batch_alter_table("leak_reports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leak_reports_account_id"), ["account_id"], unique=False)

    op.create_table(
        "listed_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("login_name", sa.Text(), nullable=False),
        sa.Column("login_key", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("employee_number", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("last_used", sa.Date(), nullable=True),
        sa.Column("groups", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listed_accounts_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed_accounts")),
        sa.UniqueConstraint("listing_id", "login_key", name=op.f("uq_listed_accounts_listing_id_login_key")),
    )
    op.create_table(
        "loss_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("authenticator_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("circumstances", sa.Text(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "replaced",
                "found",
                "given_up",
                name="lossoutcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (outcome IS NULL)", name=op.f("ck_loss_reports_closed_with_an_outcome")
        ),
        sa.CheckConstraint(
            "closed_by_id IS NULL OR (closed_by_id <> owner_id AND closed_by_id <> reported_by_id)",
            name=op.f("ck_loss_reports_closed_by_another"),
        ),
        sa.ForeignKeyConstraint(
            ["authenticator_id"], ["authenticators.id"], name=op.f("fk_loss_reports_authenticator_id")
        ),
        sa.ForeignKeyConstraint(["closed_by_id"], ["people.id"], name=op.f("fk_loss_reports_closed_by_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_loss_reports_owner_id")),
        sa.ForeignKeyConstraint(["reported_by_id"], ["people.id"], name=op.f("fk_loss_reports_reported_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loss_reports")),
    )
    with op.batch_alter_table("loss_reports", schema=None) as batch_op:
        batch_op.create_index(
            "uq_loss_reports_open",
            ["authenticator_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "official_account_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("official_account_id", sa.Integer(), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checked_by_id"], ["people.id"], name=op.f("fk_official_account_checks_checked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["official_account_id"],
            ["official_accounts.id"],
            name=op.f("fk_official_account_checks_official_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_account_checks")),
    )
    with op.batch_alter_table("official_account_checks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_official_account_checks_official_account_id"), ["official_account_id"], unique=False
        )

    op.create_table(
        "official_account_posters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("official_account_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_official_account_posters_end_explained")
        ),
        sa.ForeignKeyConstraint(["named_by_id"], ["people.id"], name=op.f("fk_official_account_posters_named_by_id")),
        sa.ForeignKeyConstraint(
            ["official_account_id"],
            ["official_accounts.id"],
            name=op.f("fk_official_account_posters_official_account_id"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_official_account_posters_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_account_posters")),
    )
    with op.batch_alter_table("official_account_posters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_official_account_posters_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_official_account_posters_live",
            ["official_account_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "official_account_take_overs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("official_account_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_note", sa.Text(), nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by_id IS NULL)",
            name=op.f("ck_official_account_take_overs_settled_by_someone"),
        ),
        sa.CheckConstraint(
            "confirmed_by_id IS NULL OR (settled_by_id IS NOT NULL AND confirmed_by_id <> settled_by_id)",
            name=op.f("ck_official_account_take_overs_confirmed_by_another"),
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["people.id"], name=op.f("fk_official_account_take_overs_confirmed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["official_account_id"],
            ["official_accounts.id"],
            name=op.f("fk_official_account_take_overs_official_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["people.id"], name=op.f("fk_official_account_take_overs_reported_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["settled_by_id"], ["people.id"], name=op.f("fk_official_account_take_overs_settled_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_account_take_overs")),
    )
    with op.batch_alter_table("official_account_take_overs", schema=None) as batch_op:
        batch_op.create_index(
            "uq_official_account_take_overs_open",
            ["official_account_id"],
            unique=True,
            sqlite_where=sa.text("confirmed_at IS NULL"),
            postgresql_where=sa.text("confirmed_at IS NULL"),
        )

    op.create_table(
        "outbox_tasks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "claimed",
                "done",
                "refused",
                "superseded",
                name="taskstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outbox_tasks_account_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_outbox_tasks_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_tasks")),
    )
    with op.batch_alter_table("outbox_tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_tasks_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_outbox_tasks_due", ["state", "due_at"], unique=False)
        batch_op.create_index("uq_outbox_tasks_generation", ["account_id", "generation"], unique=True)

    op.create_table(
        "own_device_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("still_needed", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["checked_by_id"], ["people.id"], name=op.f("fk_own_device_checks_checked_by_id")),
        sa.ForeignKeyConstraint(["device_id"], ["own_devices.id"], name=op.f("fk_own_device_checks_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_device_checks")),
    )
    with op.batch_alter_table("own_device_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_own_device_checks_device_id"), ["device_id"], unique=False)

    op.create_table(
        "own_device_permits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("by_id <> holder_id", name=op.f("ck_own_device_permits_two_people")),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("fk_own_device_permits_by_id")),
        sa.ForeignKeyConstraint(
            ["device_id", "holder_id"],
            ["own_devices.id", "own_devices.holder_id"],
            name=op.f("fk_own_device_permits_device_id_holder_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_device_permits")),
        sa.UniqueConstraint("device_id", "by_id", name="another_each_time"),
        sa.UniqueConstraint("device_id", "position", name="one_answer"),
    )
    with op.batch_alter_table("own_device_permits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_own_device_permits_device_id"), ["device_id"], unique=False)

    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("authenticator_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["authenticator_id"], ["authenticators.id"], name=op.f("fk_passkeys_authenticator_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_passkeys_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("authenticator_id", name=op.f("uq_passkeys_authenticator_id")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    with op.batch_alter_table("passkeys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_passkeys_person_id"), ["person_id"], unique=False)

    op.create_table(
        "password_warnings",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_password_warnings_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_password_warnings")),
    )
    op.create_table(
        "planned_items",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "stop", "suspend", "revoke", name="safetyaction", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("staff_number", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["planned_batches.id"], name=op.f("fk_planned_items_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "action", "staff_number", name=op.f("pk_planned_items")),
    )
    op.create_table(
        "privileged_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "approved",
                "open",
                "ending",
                "ended",
                "refused",
                "withdrawn",
                "lapsed",
                name="usestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approval_needed", sa.Boolean(), nullable=False),
        sa.Column("approver_id", sa.Integer(), nullable=True),
        sa.Column("acting_for_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_comment", sa.Text(), nullable=True),
        sa.Column("attendance_needed", sa.Boolean(), nullable=False),
        sa.Column("attended_by_id", sa.Integer(), nullable=True),
        sa.Column("attended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deputyship_id", sa.Integer(), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "returned",
                "time_up",
                "stopped",
                "right_lost",
                name="useend",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_out_error", sa.Text(), nullable=True),
        sa.Column("check_out_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by_id", sa.Integer(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'open' OR NOT attendance_needed OR attended_at IS NOT NULL",
            name=op.f("ck_privileged_uses_attending"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_privileged_uses_end_explained")),
        sa.CheckConstraint("(opens_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_privileged_uses_boxed")),
        sa.CheckConstraint(
            "approver_id IS NULL OR approver_id <> person_id", name=op.f("ck_privileged_uses_not_by_oneself")
        ),
        sa.CheckConstraint(
            "approver_id IS NULL OR named_by_id IS NULL OR approver_id <> named_by_id",
            name=op.f("ck_privileged_uses_not_by_the_asking"),
        ),
        sa.CheckConstraint(
            "attendance_needed = (attended_by_id IS NOT NULL)", name=op.f("ck_privileged_uses_attended")
        ),
        sa.CheckConstraint(
            "attended_by_id IS NULL OR attended_by_id <> person_id", name=op.f("ck_privileged_uses_attended_by_another")
        ),
        sa.CheckConstraint(
            "checked_by_id IS NULL OR checked_by_id <> person_id", name=op.f("ck_privileged_uses_checked_by_another")
        ),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > opens_at", name=op.f("ck_privileged_uses_period")),
        sa.CheckConstraint(
            "named_by_id IS NULL OR named_by_id <> person_id", name=op.f("ck_privileged_uses_named_by_another")
        ),
        sa.CheckConstraint(
            "opens_at IS NULL OR emergency OR NOT approval_needed OR approver_id IS NOT NULL",
            name=op.f("ck_privileged_uses_approved"),
        ),
        sa.CheckConstraint("shown_at IS NULL OR sealed IS NULL", name=op.f("ck_privileged_uses_shown_once")),
        sa.ForeignKeyConstraint(
            ["account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_privileged_uses_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["acting_for_id"], ["people.id"], name=op.f("fk_privileged_uses_acting_for_id")),
        sa.ForeignKeyConstraint(["approver_id"], ["people.id"], name=op.f("fk_privileged_uses_approver_id")),
        sa.ForeignKeyConstraint(["attended_by_id"], ["people.id"], name=op.f("fk_privileged_uses_attended_by_id")),
        sa.ForeignKeyConstraint(["checked_by_id"], ["people.id"], name=op.f("fk_privileged_uses_checked_by_id")),
        sa.ForeignKeyConstraint(
            ["deputyship_id"], ["privilege_deputies.id"], name=op.f("fk_privileged_uses_deputyship_id")
        ),
        sa.ForeignKeyConstraint(["named_by_id"], ["people.id"], name=op.f("fk_privileged_uses_named_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_privileged_uses_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privileged_uses")),
    )
    with op.batch_alter_table("privileged_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_privileged_uses_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_privileged_uses_due", ["state", "ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_privileged_uses_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_privileged_uses_under_way",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'ending')"),
            postgresql_where=sa.text("state IN ('open', 'ending')"),
        )

    op.create_table(
        "provider_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("administers", sa.Boolean(), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "done_how",
            sa.Enum(
                "deleted", "returned", name="provideraccountend", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column("done_note", sa.Text(), nullable=True),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (done_how IS NULL)", name=op.f("ck_provider_accounts_done_how")),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR (done_at IS NOT NULL AND confirmed_by_id IS NOT NULL)",
            name=op.f("ck_provider_accounts_done"),
        ),
        sa.CheckConstraint(
            "confirmed_by_id IS NULL OR confirmed_by_id <> done_by_id", name=op.f("ck_provider_accounts_two_people")
        ),
        sa.CheckConstraint(
            "done_at IS NULL OR (done_by_id IS NOT NULL AND done_note IS NOT NULL)",
            name=op.f("ck_provider_accounts_done_by"),
        ),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["people.id"], name=op.f("fk_provider_accounts_confirmed_by_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["people.id"], name=op.f("fk_provider_accounts_done_by_id")),
        sa.ForeignKeyConstraint(["named_by_id"], ["people.id"], name=op.f("fk_provider_accounts_named_by_id")),
        sa.ForeignKeyConstraint(["service_id"], ["external_services.id"], name=op.f("fk_provider_accounts_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_accounts")),
    )
    with op.batch_alter_table("provider_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provider_accounts_service_id"), ["service_id"], unique=False)

    op.create_table(
        "provider_identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["enrolment_links.id"], name=op.f("fk_provider_identities_link_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_provider_identities_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_identities")),
    )
    with op.batch_alter_table("provider_identities", schema=None) as batch_op:
        batch_op.create_index(
            "uq_provider_identities_person",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "uq_provider_identities_subject",
            ["issuer", "subject"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "registered_id_holders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ended_at IS NULL OR ended_at >= since", name=op.f("ck_registered_id_holders_period")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_registered_id_holders_account_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_registered_id_holders_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_id_holders")),
    )
    with op.batch_alter_table("registered_id_holders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registered_id_holders_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_registered_id_holders_live",
            ["account_id", "person_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "safety_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "feed", "lifecycle", "review", name="runkind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "action",
            sa.Enum(
                "stop", "suspend", "revoke", name="safetyaction", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("unit_code", sa.String(length=32), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("people > 0", name=op.f("ck_safety_counts_counted")),
        sa.ForeignKeyConstraint(["batch_id"], ["planned_batches.id"], name=op.f("fk_safety_counts_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_counts")),
    )
    with op.batch_alter_table("safety_counts", schema=None) as batch_op:
        batch_op.create_index("ix_safety_counts_window", ["action", "at"], unique=False)

    op.create_table(
        "settled_accounts",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_settled_accounts_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_settled_accounts")),
    )
    op.create_table(
        "stop_orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "person",
                "card",
                "system",
                "accounts",
                name="stopkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "cause",
            sa.Enum("incident", "violation", name="stopcause", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("authenticator_id", sa.Integer(), nullable=True),
        sa.Column("violation_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("ordered_by_id", sa.Integer(), nullable=True),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lift_asked_by_id", sa.Integer(), nullable=True),
        sa.Column("lift_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "(cause = 'violation') = (violation_id IS NOT NULL)", name=op.f("ck_stop_orders_violation_recorded")
        ),
        sa.CheckConstraint(
            "(kind = 'card') = (authenticator_id IS NOT NULL)", name=op.f("ck_stop_orders_names_a_card")
        ),
        sa.CheckConstraint("(kind = 'system') = (system_id IS NOT NULL)", name=op.f("ck_stop_orders_names_a_system")),
        sa.CheckConstraint(
            "(kind IN ('person', 'card')) = (person_id IS NOT NULL)", name=op.f("ck_stop_orders_names_a_person")
        ),
        sa.CheckConstraint(
            "cause <> 'violation' OR kind = 'person'", name=op.f("ck_stop_orders_violation_of_a_person")
        ),
        sa.CheckConstraint(
            "cause <> 'violation' OR ordered_by_id <> person_id", name=op.f("ck_stop_orders_not_by_oneself")
        ),
        sa.CheckConstraint(
            "operator IS NULL OR cause = 'incident'", name=op.f("ck_stop_orders_no_violation_by_operator")
        ),
        sa.CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name=op.f("ck_stop_orders_confirmed_by_someone")
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_id IS NULL)", name=op.f("ck_stop_orders_lifted_by_someone")
        ),
        sa.CheckConstraint(
            "(ordered_by_id IS NULL) = (operator IS NOT NULL)", name=op.f("ck_stop_orders_ordered_by_someone")
        ),
        sa.CheckConstraint(
            "lifted_by_id IS NULL OR (lift_asked_by_id IS NOT NULL AND lifted_by_id <> lift_asked_by_id)",
            name=op.f("ck_stop_orders_lifted_by_two"),
        ),
        sa.CheckConstraint(
            "operator IS NOT NULL OR confirmed_at IS NULL", name=op.f("ck_stop_orders_only_operators_confirmed")
        ),
        sa.CheckConstraint(
            "person_id IS NULL OR confirmed_by_id IS NULL OR confirmed_by_id <> person_id",
            name=op.f("ck_stop_orders_not_confirmed_by_oneself"),
        ),
        sa.CheckConstraint(
            "person_id IS NULL OR lift_asked_by_id IS NULL OR lift_asked_by_id <> person_id",
            name=op.f("ck_stop_orders_not_asked_by_oneself"),
        ),
        sa.CheckConstraint(
            "person_id IS NULL OR lifted_by_id IS NULL OR lifted_by_id <> person_id",
            name=op.f("ck_stop_orders_not_lifted_by_oneself"),
        ),
        sa.ForeignKeyConstraint(
            ["authenticator_id"], ["authenticators.id"], name=op.f("fk_stop_orders_authenticator_id")
        ),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["people.id"], name=op.f("fk_stop_orders_confirmed_by_id")),
        sa.ForeignKeyConstraint(["lift_asked_by_id"], ["people.id"], name=op.f("fk_stop_orders_lift_asked_by_id")),
        sa.ForeignKeyConstraint(["lifted_by_id"], ["people.id"], name=op.f("fk_stop_orders_lifted_by_id")),
        sa.ForeignKeyConstraint(["ordered_by_id"], ["people.id"], name=op.f("fk_stop_orders_ordered_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_stop_orders_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_stop_orders_system_id")),
        sa.ForeignKeyConstraint(["violation_id"], ["violation_reports.id"], name=op.f("fk_stop_orders_violation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop_orders")),
    )
    with op.batch_alter_table("stop_orders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_stop_orders_open",
            ["kind", "person_id", "system_id"],
            unique=False,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )
        batch_op.create_index(
            "uq_stop_orders_person",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'person' AND cause = 'incident' AND lifted_at IS NULL"),
            postgresql_where=sa.text("kind = 'person' AND cause = 'incident' AND lifted_at IS NULL"),
        )
        batch_op.create_index(
            "uq_stop_orders_system",
            ["system_id"],
            unique=True,
            sqlite_where=sa.text("kind = 'system' AND lifted_at IS NULL"),
            postgresql_where=sa.text("kind = 'system' AND lifted_at IS NULL"),
        )

    op.create_table(
        "unlock_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("unlock", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("was_locked", sa.Boolean(), nullable=True),
        sa.Column("locked", sa.Boolean(), nullable=True),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "answered_at IS NOT NULL OR (was_locked IS NULL AND failure IS NULL)",
            name=op.f("ck_unlock_requests_answer_dated"),
        ),
        sa.CheckConstraint(
            "answered_at IS NULL OR was_locked IS NOT NULL OR failure IS NOT NULL",
            name=op.f("ck_unlock_requests_answer_given"),
        ),
        sa.CheckConstraint("officer_id <> subject_id", name=op.f("ck_unlock_requests_not_for_oneself")),
        sa.ForeignKeyConstraint(
            ["account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_unlock_requests_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["people.id"], name=op.f("fk_unlock_requests_officer_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["people.id"], name=op.f("fk_unlock_requests_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unlock_requests")),
    )
    with op.batch_alter_table("unlock_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unlock_requests_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            "uq_unlock_requests_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("answered_at IS NULL"),
            postgresql_where=sa.text("answered_at IS NULL"),
        )

    op.create_table(
        "vault_secrets",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "verified_how",
            sa.Enum("sign_in", "change_time", name="verifiedhow", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("known_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_vault_secrets_account_id")),
        sa.ForeignKeyConstraint(["key_id"], ["vault_keys.id"], name=op.f("fk_vault_secrets_key_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_vault_secrets")),
    )
    op.create_table(
        "work_orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "issued",
                "done",
                "confirmed",
                "cancelled",
                name="workorderstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("hands_over", sa.Boolean(), nullable=False),
        sa.Column("base", sa.JSON(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("handed_to", sa.Text(), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_by_id", sa.Integer(), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'issued' AND done_at IS NULL AND confirmed_at IS NULL AND cancelled_at IS NULL) OR (state = 'done' AND done_at IS NOT NULL AND confirmed_at IS NULL AND cancelled_at IS NULL) OR (state = 'confirmed' AND done_at IS NOT NULL AND confirmed_at IS NOT NULL AND cancelled_at IS NULL) OR (state = 'cancelled' AND confirmed_at IS NULL AND cancelled_at IS NOT NULL)",
            name=op.f("ck_work_orders_by_state"),
        ),
        sa.CheckConstraint(
            "(confirmed_by_id IS NULL) = (confirmed_at IS NULL)", name=op.f("ck_work_orders_confirmed_by_somebody")
        ),
        sa.CheckConstraint("(done_by_id IS NULL) = (done_at IS NULL)", name=op.f("ck_work_orders_done_by_somebody")),
        sa.CheckConstraint(
            "(returned_at IS NULL) = (return_reason IS NULL)", name=op.f("ck_work_orders_returned_with_reason")
        ),
        sa.CheckConstraint(
            "NOT hands_over OR done_at IS NULL OR handed_to IS NOT NULL", name=op.f("ck_work_orders_handed_to_somebody")
        ),
        sa.CheckConstraint("confirmed_by_id <> done_by_id", name=op.f("ck_work_orders_two_people")),
        sa.CheckConstraint("confirmed_by_id <> subject_id", name=op.f("ck_work_orders_not_confirmed_for_oneself")),
        sa.CheckConstraint("done_by_id <> subject_id", name=op.f("ck_work_orders_not_done_for_oneself")),
        sa.ForeignKeyConstraint(
            ["account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_work_orders_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["people.id"], name=op.f("fk_work_orders_confirmed_by_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["people.id"], name=op.f("fk_work_orders_done_by_id")),
        sa.ForeignKeyConstraint(["returned_by_id"], ["people.id"], name=op.f("fk_work_orders_returned_by_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["people.id"], name=op.f("fk_work_orders_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_work_orders_number")),
    )
    with op.batch_alter_table("work_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_orders_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_work_orders_state", ["state", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_work_orders_system_id"), ["system_id"], unique=False)
        batch_op.create_index(
            "uq_work_orders_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('issued', 'done')"),
            postgresql_where=sa.text("state IN ('issued', 'done')"),
        )

    op.create_table(
        "account_stops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("stop_id", sa.Integer(), nullable=True),
        sa.Column("dormancy_id", sa.Integer(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("was_enabled", sa.Boolean(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(stop_id IS NULL) <> (dormancy_id IS NULL)", name=op.f("ck_account_stops_one_cause")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_stops_account_id")),
        sa.ForeignKeyConstraint(["dormancy_id"], ["dormancy_cases.id"], name=op.f("fk_account_stops_dormancy_id")),
        sa.ForeignKeyConstraint(["stop_id"], ["stop_orders.id"], name=op.f("fk_account_stops_stop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_stops")),
    )
    with op.batch_alter_table("account_stops", schema=None) as batch_op:
        batch_op.create_index(
            "ix_account_stops_open",
            ["account_id"],
            unique=False,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_account_stops_stop_id"), ["stop_id"], unique=False)
        batch_op.create_index(
            "uq_account_stops_disuse",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("dormancy_id IS NOT NULL AND until IS NULL"),
            postgresql_where=sa.text("dormancy_id IS NOT NULL AND until IS NULL"),
        )
        batch_op.create_index(
            "uq_account_stops_order",
            ["account_id", "stop_id"],
            unique=True,
            sqlite_where=sa.text("stop_id IS NOT NULL"),
            postgresql_where=sa.text("stop_id IS NOT NULL"),
        )

    op.create_table(
        "credential_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "issued",
                "handed_over",
                "changed",
                "replaced",
                "rotated",
                "checked_out",
                name="credentialeventkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handover_id", sa.Integer(), nullable=True),
        sa.Column("work_order_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credential_events_account_id")),
        sa.ForeignKeyConstraint(["handover_id"], ["handovers.id"], name=op.f("fk_credential_events_handover_id")),
        sa.ForeignKeyConstraint(["work_order_id"], ["work_orders.id"], name=op.f("fk_credential_events_work_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_events")),
    )
    with op.batch_alter_table("credential_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credential_events_account_id"), ["account_id"], unique=False)

    op.create_table(
        "employments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("staff_number", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "regular",
                "fixed_term",
                "reappointed",
                "fiscal_year_full",
                "fiscal_year_part",
                "dispatched",
                "member",
                "committee",
                "contractor",
                "external",
                name="employmentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("seen_in_run_id", sa.Integer(), nullable=True),
        sa.Column(
            "leaving",
            sa.Enum(
                "retirement",
                "resignation",
                "dismissal",
                "death",
                "term",
                "secondment",
                "contract",
                "other",
                name="leavingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("contract_id", sa.Integer(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind <> 'contractor' OR (contract_id IS NOT NULL AND valid_until IS NOT NULL)",
            name=op.f("ck_employments_contractor_under_contract"),
        ),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_employments_period")),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_employments_contract_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_employments_person_id")),
        sa.ForeignKeyConstraint(["seen_in_run_id"], ["feed_runs.id"], name=op.f("fk_employments_seen_in_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employments")),
        sa.UniqueConstraint("staff_number", name=op.f("uq_employments_staff_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("employments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employments_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_employments_person_id"), ["person_id"], unique=False)

    op.create_table(
        "entitlement_conflicts",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_entitlement_conflicts_ordered")),
        sa.ForeignKeyConstraint(["first_id"], ["entitlements.id"], name=op.f("fk_entitlement_conflicts_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["entitlements.id"], name=op.f("fk_entitlement_conflicts_second_id")),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_entitlement_conflicts")),
    )
    op.create_table(
        "entry_stops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stop_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("login_name", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("was_enabled", sa.Boolean(), nullable=True),
        sa.Column("was_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(claimed_by IS NULL) = (claimed_until IS NULL)", name=op.f("ck_entry_stops_claimed_for_a_while")
        ),
        sa.CheckConstraint(
            "restored_at IS NULL OR until IS NOT NULL", name=op.f("ck_entry_stops_restored_after_its_end")
        ),
        sa.ForeignKeyConstraint(["stop_id"], ["stop_orders.id"], name=op.f("fk_entry_stops_stop_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_entry_stops_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_stops")),
        sa.UniqueConstraint(
            "stop_id", "system_id", "external_id", name=op.f("uq_entry_stops_stop_id_system_id_external_id")
        ),
    )
    with op.batch_alter_table("entry_stops", schema=None) as batch_op:
        batch_op.create_index("ix_entry_stops_entry", ["system_id", "external_id"], unique=False)
        batch_op.create_index(
            "ix_entry_stops_unfinished",
            ["system_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("restored_at IS NULL"),
            postgresql_where=sa.text("restored_at IS NULL"),
        )

    op.create_table(
        "exception_checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exception_id", sa.Integer(), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("still_needed", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["checked_by_id"], ["people.id"], name=op.f("fk_exception_checks_checked_by_id")),
        sa.ForeignKeyConstraint(["exception_id"], ["exceptions.id"], name=op.f("fk_exception_checks_exception_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_checks")),
    )
    with op.batch_alter_table("exception_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exception_checks_exception_id"), ["exception_id"], unique=False)

    op.create_table(
        "findings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "dormant",
                "never_used",
                "last_use_unknown",
                "orphan",
                "left",
                "check_failed",
                "unadopted",
                "missing",
                "drift",
                "extra_member",
                "work_overdue",
                "factor_missing",
                "factor_unshown",
                "default_name",
                "out_of_band",
                "unregistered_privilege",
                "password_rules",
                "temporary_overdue",
                "password_overdue",
                "rotation_overdue",
                "report_overdue",
                "owner_gone",
                "contract_ended",
                "exception_expired",
                "shared_user_left",
                "not_checked",
                "stop_not_reached",
                "after_hours",
                "burst",
                "refused_attempts",
                "quick_decisions",
                "sudden_use",
                "clock_drift",
                "export_late",
                "change_due",
                "service_uncared",
                "factor_unregistered",
                "own_device_uncared",
                "own_device_lost",
                "official_account_uncared",
                "official_account_taken_over",
                "stop_unconfirmed",
                name="findingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("again_of_id", sa.Integer(), nullable=True),
        sa.Column("repair_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("repair_asked_by_id", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("escalated_level", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exception_id", sa.Integer(), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("accepted_until", sa.Date(), nullable=True),
        sa.Column("accepted_reason", sa.Text(), nullable=True),
        sa.Column("accepted_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "accepted_until IS NULL OR kind NOT IN ('contract_ended', 'exception_expired', 'factor_missing', 'factor_unregistered', 'factor_unshown', 'left', 'official_account_taken_over', 'out_of_band', 'own_device_lost', 'shared_user_left', 'stop_not_reached', 'stop_unconfirmed', 'unregistered_privilege')",
            name=op.f("ck_findings_never_accepted"),
        ),
        sa.CheckConstraint(
            "(accepted_until IS NULL) = (accepted_by_id IS NULL)", name=op.f("ck_findings_accepted_by_someone")
        ),
        sa.CheckConstraint(
            "accepted_until IS NULL OR accepted_reason IS NOT NULL", name=op.f("ck_findings_accepted_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["people.id"], name=op.f("fk_findings_accepted_by_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_findings_account_id")),
        sa.ForeignKeyConstraint(["again_of_id"], ["findings.id"], name=op.f("fk_findings_again_of_id")),
        sa.ForeignKeyConstraint(["exception_id"], ["exceptions.id"], name=op.f("fk_findings_exception_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_findings_owner_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_findings_person_id")),
        sa.ForeignKeyConstraint(["repair_asked_by_id"], ["people.id"], name=op.f("fk_findings_repair_asked_by_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_findings_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    with op.batch_alter_table("findings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_findings_answered",
            ["answered_at"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL AND answered_at IS NOT NULL"),
            postgresql_where=sa.text("resolved_at IS NULL AND answered_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_findings_due",
            ["due_on"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.create_index("ix_findings_first_seen", ["first_seen_at"], unique=False)
        batch_op.create_index(
            "ix_findings_owner",
            ["owner_id"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL AND owner_id IS NOT NULL"),
            postgresql_where=sa.text("resolved_at IS NULL AND owner_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_findings_resolved",
            ["resolved_at"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NOT NULL"),
            postgresql_where=sa.text("resolved_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_findings_since",
            ["first_seen_at"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.create_index("ix_findings_subject", ["system_id", "subject_key"], unique=False)
        batch_op.create_index(
            "ix_findings_system_since",
            ["system_id", "first_seen_at"],
            unique=False,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.create_index(
            "uq_findings_open",
            ["kind", "system_id", "subject_key"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.create_index(
            "uq_findings_open_everywhere",
            ["kind", "subject_key"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL AND system_id IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL AND system_id IS NULL"),
        )

    op.create_table(
        "held_rows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "row",
                "missing",
                "match",
                "gaiji",
                "doubt",
                name="heldkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("row_number", sa.Integer(), nullable=True),
        sa.Column("staff_number", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["feed_runs.id"], name=op.f("fk_held_rows_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_rows")),
    )
    with op.batch_alter_table("held_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_rows_run_id"), ["run_id"], unique=False)

    op.create_table(
        "match_questions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("staff_number", sa.String(length=32), nullable=False),
        sa.Column("match_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kana", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_by_id IS NULL)", name=op.f("ck_match_questions_answered_by_someone")
        ),
        sa.CheckConstraint(
            "person_id IS NULL OR answered_at IS NOT NULL", name=op.f("ck_match_questions_answer_complete")
        ),
        sa.ForeignKeyConstraint(["answered_by_id"], ["people.id"], name=op.f("fk_match_questions_answered_by_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_match_questions_person_id")),
        sa.ForeignKeyConstraint(["run_id"], ["feed_runs.id"], name=op.f("fk_match_questions_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_questions")),
        sa.UniqueConstraint("staff_number", "match_key", name=op.f("uq_match_questions_staff_number_match_key")),
    )
    op.create_table(
        "official_account_take_over_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("take_over_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("done_by_id", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["done_by_id"], ["people.id"], name=op.f("fk_official_account_take_over_steps_done_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["take_over_id"],
            ["official_account_take_overs.id"],
            name=op.f("fk_official_account_take_over_steps_take_over_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_account_take_over_steps")),
        sa.UniqueConstraint("take_over_id", "code", name="once"),
    )
    op.create_table(
        "pushed_people",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("staff_number", sa.String(length=32), nullable=False),
        sa.Column("resource", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(waiting_since IS NULL) = (waiting_why IS NULL)", name=op.f("ck_pushed_people_waiting_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["feed_runs.id"], name=op.f("fk_pushed_people_run_id")),
        sa.ForeignKeyConstraint(["token_id"], ["push_tokens.id"], name=op.f("fk_pushed_people_token_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushed_people")),
    )
    with op.batch_alter_table("pushed_people", schema=None) as batch_op:
        batch_op.create_index(
            "uq_pushed_people_staff_number",
            ["feed", "staff_number"],
            unique=True,
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        )
        batch_op.create_index(
            "uq_pushed_people_user_name",
            ["feed", "user_name"],
            unique=True,
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        )

    op.create_table(
        "registered_ids",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("found_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "personal",
                "privileged",
                "shared",
                "service",
                "contractor",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("owner_unit", sa.String(length=32), nullable=True),
        sa.Column("owner_gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_told_for", sa.Date(), nullable=True),
        sa.Column("change_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('privileged', 'shared', 'service')", name=op.f("ck_registered_ids_kept_kind")),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by_id IS NULL)", name=op.f("ck_registered_ids_accepted_by_someone")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_registered_ids_end_explained")),
        sa.CheckConstraint(
            "accepted_at IS NULL OR account_id IS NOT NULL", name=op.f("ck_registered_ids_accepted_as_account")
        ),
        sa.CheckConstraint(
            "accepted_by_id IS NULL OR accepted_by_id <> proposed_by_id", name=op.f("ck_registered_ids_two_people")
        ),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["people.id"], name=op.f("fk_registered_ids_accepted_by_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_registered_ids_account_id")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["people.id"], name=op.f("fk_registered_ids_changed_by_id")),
        sa.ForeignKeyConstraint(["found_id"], ["found_accounts.id"], name=op.f("fk_registered_ids_found_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_registered_ids_owner_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["people.id"], name=op.f("fk_registered_ids_proposed_by_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_registered_ids_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_ids")),
    )
    with op.batch_alter_table("registered_ids", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registered_ids_system_id"), ["system_id"], unique=False)
        batch_op.create_index(
            "uq_registered_ids_account",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND account_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND account_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_registered_ids_live",
            ["found_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column(
            "action",
            sa.Enum(
                "register",
                "change",
                "remove",
                name="requestaction",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cites_id", sa.Integer(), nullable=True),
        sa.Column("feed_run_id", sa.Integer(), nullable=True),
        sa.Column("adopts", sa.Boolean(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "approved",
                "returned",
                "rejected",
                "withdrawn",
                "lapsed",
                name="requeststate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("policy_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_decision_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_level", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state = 'draft' OR (applicant_id IS NOT NULL AND number IS NOT NULL AND submitted_at IS NOT NULL AND content_hash IS NOT NULL)",
            name=op.f("ck_requests_submitted_complete"),
        ),
        sa.ForeignKeyConstraint(["applicant_id"], ["people.id"], name=op.f("fk_requests_applicant_id")),
        sa.ForeignKeyConstraint(["cites_id"], ["requests.id"], name=op.f("fk_requests_cites_id")),
        sa.ForeignKeyConstraint(["feed_run_id"], ["feed_runs.id"], name=op.f("fk_requests_feed_run_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_requests_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
        sa.UniqueConstraint("id", "applicant_id", name=op.f("uq_requests_id_applicant_id")),
        sa.UniqueConstraint("number", name=op.f("uq_requests_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_requests_applicant_id"), ["applicant_id"], unique=False)

    op.create_table(
        "review_campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(
                "system",
                "unit",
                "entitlement",
                name="reviewscope",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("entitlement_id", sa.Integer(), nullable=True),
        sa.Column("looks_at", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_until", sa.Date(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("escalated_on", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("closing_asked_by_id", sa.Integer(), nullable=True),
        sa.Column("closing_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal_asked_by_id", sa.Integer(), nullable=True),
        sa.Column("withdrawal_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("result_digest", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "(scope = 'entitlement') = (entitlement_id IS NOT NULL)", name=op.f("ck_review_campaigns_of_a_right")
        ),
        sa.CheckConstraint(
            "(scope = 'system') = (system_id IS NOT NULL)", name=op.f("ck_review_campaigns_of_a_system")
        ),
        sa.CheckConstraint("scope = 'unit' OR unit_code IS NULL", name=op.f("ck_review_campaigns_of_a_unit")),
        sa.CheckConstraint("(closed_at IS NULL) OR (closed_at >= opened_at)", name=op.f("ck_review_campaigns_period")),
        sa.CheckConstraint(
            "(closing_asked_by_id IS NULL) = (closing_asked_at IS NULL)",
            name=op.f("ck_review_campaigns_closing_asked_sometime"),
        ),
        sa.CheckConstraint(
            "(withdrawal_asked_by_id IS NULL) = (withdrawal_asked_at IS NULL)",
            name=op.f("ck_review_campaigns_withdrawal_asked"),
        ),
        sa.CheckConstraint(
            "(withdrawal_asked_by_id IS NULL) = (withdrawal_reason IS NULL)",
            name=op.f("ck_review_campaigns_withdrawal_explained"),
        ),
        sa.CheckConstraint(
            "withdrawn IS NOT true OR (closed_at IS NOT NULL AND withdrawal_asked_by_id IS NOT NULL AND closed_by_id IS NOT NULL AND closed_by_id <> withdrawal_asked_by_id)",
            name=op.f("ck_review_campaigns_withdrawn_by_two"),
        ),
        sa.CheckConstraint(
            "withdrawn IS true OR closing_asked_by_id IS NULL OR closed_by_id IS NULL OR closed_by_id <> closing_asked_by_id",
            name=op.f("ck_review_campaigns_closed_by_two"),
        ),
        sa.ForeignKeyConstraint(["closed_by_id"], ["people.id"], name=op.f("fk_review_campaigns_closed_by_id")),
        sa.ForeignKeyConstraint(
            ["closing_asked_by_id"], ["people.id"], name=op.f("fk_review_campaigns_closing_asked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["entitlement_id"], ["entitlements.id"], name=op.f("fk_review_campaigns_entitlement_id")
        ),
        sa.ForeignKeyConstraint(["opened_by_id"], ["people.id"], name=op.f("fk_review_campaigns_opened_by_id")),
        sa.ForeignKeyConstraint(["system_id"], ["information_systems.id"], name=op.f("fk_review_campaigns_system_id")),
        sa.ForeignKeyConstraint(
            ["withdrawal_asked_by_id"], ["people.id"], name=op.f("fk_review_campaigns_withdrawal_asked_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_campaigns")),
    )
    with op.batch_alter_table("review_campaigns", schema=None) as batch_op:
        batch_op.create_index(
            "uq_review_campaigns_open",
            ["looks_at"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "rotations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "first",
                "interval",
                "returned",
                "holder_changed",
                "suspected",
                "by_hand",
                name="rotationreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("use_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "sealed",
                "set",
                "confirmed",
                "cancelled",
                name="rotationstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key_id", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "verified_how",
            sa.Enum("sign_in", "change_time", name="verifiedhow", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'confirmed') = (confirmed_at IS NOT NULL AND verified_how IS NOT NULL)",
            name=op.f("ck_rotations_proven"),
        ),
        sa.CheckConstraint(
            "(state IN ('sealed', 'set')) = (sealed IS NOT NULL)", name=op.f("ck_rotations_value_on_its_way")
        ),
        sa.CheckConstraint("(sealed IS NULL) = (key_id IS NULL)", name=op.f("ck_rotations_under_a_key")),
        sa.ForeignKeyConstraint(
            ["account_id", "system_id"],
            ["accounts.id", "accounts.system_id"],
            name=op.f("fk_rotations_account_id_system_id"),
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["people.id"], name=op.f("fk_rotations_asked_by_id")),
        sa.ForeignKeyConstraint(["key_id"], ["vault_keys.id"], name=op.f("fk_rotations_key_id")),
        sa.ForeignKeyConstraint(["use_id"], ["privileged_uses.id"], name=op.f("fk_rotations_use_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotations")),
    )
    with op.batch_alter_table("rotations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rotations_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_rotations_due", ["state", "due_at"], unique=False)
        batch_op.create_index(
            "uq_rotations_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state NOT IN ('confirmed', 'cancelled')"),
            postgresql_where=sa.text("state NOT IN ('confirmed', 'cancelled')"),
        )

    op.create_table(
        "standing_rights",
        sa.Column("standing_id", sa.Integer(), nullable=False),
        sa.Column("entitlement_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entitlement_id"], ["entitlements.id"], name=op.f("fk_standing_rights_entitlement_id")
        ),
        sa.ForeignKeyConstraint(
            ["standing_id"], ["standing_approvals.id"], name=op.f("fk_standing_rights_standing_id")
        ),
        sa.PrimaryKeyConstraint("standing_id", "entitlement_id", name=op.f("pk_standing_rights")),
    )
    op.create_table(
        "uploaded_feeds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("uploaded_by_id", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "applied",
                "discarded",
                name="uploadstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (content IS NOT NULL)", name=op.f("ck_uploaded_feeds_content_while_waiting")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["feed_runs.id"], name=op.f("fk_uploaded_feeds_run_id")),
        sa.ForeignKeyConstraint(["uploaded_by_id"], ["people.id"], name=op.f("fk_uploaded_feeds_uploaded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploaded_feeds")),
    )
    op.create_table(
        "work_order_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "create",
                "adopt",
                "update",
                "stop",
                "remove",
                "add",
                "password",
                "open",
                "delete",
                "check",
                name="handstep",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("ticked_by_id", sa.Integer(), nullable=True),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("claimed_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind IN ('add', 'remove')) = (group_id IS NOT NULL)", name=op.f("ck_work_order_steps_group_named")
        ),
        sa.CheckConstraint(
            "(ticked_by_id IS NULL) = (ticked_at IS NULL)", name=op.f("ck_work_order_steps_ticked_by_somebody")
        ),
        sa.CheckConstraint(
            "claimed = (claimed_by_id IS NOT NULL)", name=op.f("ck_work_order_steps_claimed_by_somebody")
        ),
        sa.ForeignKeyConstraint(["claimed_by_id"], ["people.id"], name=op.f("fk_work_order_steps_claimed_by_id")),
        sa.ForeignKeyConstraint(["order_id"], ["work_orders.id"], name=op.f("fk_work_order_steps_order_id")),
        sa.ForeignKeyConstraint(["ticked_by_id"], ["people.id"], name=op.f("fk_work_order_steps_ticked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_steps")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_work_order_steps_order_id_position")),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("employment_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "leave",
                "sick",
                "childcare",
                "discipline",
                "union",
                "secondment",
                name="absencekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_absences_period")),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_absences_employment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_absences_employment_id"), ["employment_id"], unique=False)

    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("employment_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_assignments_period")),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_assignments_employment_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation_units.id"], name=op.f("fk_assignments_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignments_employment_id"), ["employment_id"], unique=False)
        batch_op.create_index("ix_assignments_post", ["post", "unit_id"], unique=False)

    op.create_table(
        "finding_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "found",
                "changed",
                "assigned",
                "due_moved",
                "noted",
                "repair_asked",
                "justified",
                "accepted",
                "answer_ended",
                "escalated",
                "repaired",
                name="findingeventkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_finding_events_finding_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_finding_events_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_events")),
    )
    with op.batch_alter_table("finding_events", schema=None) as batch_op:
        batch_op.create_index("ix_finding_events_finding", ["finding_id", "at"], unique=False)

    op.create_table(
        "justifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("justified_by_id", sa.Integer(), nullable=False),
        sa.Column("justified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "holder_id IS NULL OR holder_id <> justified_by_id", name=op.f("ck_justifications_not_by_the_holder")
        ),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_justifications_finding_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["people.id"], name=op.f("fk_justifications_holder_id")),
        sa.ForeignKeyConstraint(["justified_by_id"], ["people.id"], name=op.f("fk_justifications_justified_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_justifications")),
    )
    with op.batch_alter_table("justifications", schema=None) as batch_op:
        batch_op.create_index("ix_justifications_finding", ["finding_id", "valid_until"], unique=False)

    op.create_table(
        "leaving_checklists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("employment_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["employment_id"], ["employments.id"], name=op.f("fk_leaving_checklists_employment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leaving_checklists")),
        sa.UniqueConstraint("employment_id", name=op.f("uq_leaving_checklists_employment_id")),
    )
    op.create_table(
        "match_candidates",
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_match_candidates_person_id")),
        sa.ForeignKeyConstraint(["question_id"], ["match_questions.id"], name=op.f("fk_match_candidates_question_id")),
        sa.PrimaryKeyConstraint("question_id", "person_id", name=op.f("pk_match_candidates")),
    )
    op.create_table(
        "owner_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registered_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.CheckConstraint("(decided_at IS NULL) = (accepted IS NULL)", name=op.f("ck_owner_changes_decided")),
        sa.CheckConstraint(
            "accepted IS NOT true OR decided_by_id IS NOT NULL", name=op.f("ck_owner_changes_accepted_by_someone")
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> owner_id", name=op.f("ck_owner_changes_not_by_the_owner")
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name=op.f("ck_owner_changes_two_people")
        ),
        sa.ForeignKeyConstraint(["before_id"], ["people.id"], name=op.f("fk_owner_changes_before_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["people.id"], name=op.f("fk_owner_changes_decided_by_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name=op.f("fk_owner_changes_owner_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["people.id"], name=op.f("fk_owner_changes_proposed_by_id")),
        sa.ForeignKeyConstraint(["registered_id"], ["registered_ids.id"], name=op.f("fk_owner_changes_registered_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owner_changes")),
    )
    with op.batch_alter_table("owner_changes", schema=None) as batch_op:
        batch_op.create_index(
            "uq_owner_changes_open",
            ["registered_id"],
            unique=True,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )

    op.create_table(
        "policy_exceptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("beneficiary_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("permitted_by_id", sa.Integer(), nullable=False),
        sa.Column("permitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.CheckConstraint("rule IN ('SOD-4', 'D1-CAP')", name=op.f("ck_policy_exceptions_rule")),
        sa.CheckConstraint("permitted_by_id <> beneficiary_id", name=op.f("ck_policy_exceptions_not_for_oneself")),
        sa.ForeignKeyConstraint(["beneficiary_id"], ["people.id"], name=op.f("fk_policy_exceptions_beneficiary_id")),
        sa.ForeignKeyConstraint(["permitted_by_id"], ["people.id"], name=op.f("fk_policy_exceptions_permitted_by_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_policy_exceptions_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_exceptions")),
    )
    with op.batch_alter_table("policy_exceptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_policy_exceptions_request_id"), ["request_id"], unique=False)

    op.create_table(
        "request_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("entitlement_id", sa.Integer(), nullable=False),
        sa.Column(
            "effect",
            sa.Enum("grant", "revoke", name="lineeffect", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "approved",
                "returned",
                "rejected",
                "withdrawn",
                "lapsed",
                name="linestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_request_lines_period")),
        sa.ForeignKeyConstraint(
            ["entitlement_id", "system_id"],
            ["entitlements.id", "entitlements.system_id"],
            name=op.f("fk_request_lines_entitlement_id_system_id"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id", "applicant_id"],
            ["requests.id", "requests.applicant_id"],
            name=op.f("fk_request_lines_request_id_applicant_id"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_request_lines_request_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["people.id"], name=op.f("fk_request_lines_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_lines")),
        sa.UniqueConstraint(
            "id", "applicant_id", "subject_id", name=op.f("uq_request_lines_id_applicant_id_subject_id")
        ),
        sa.UniqueConstraint(
            "request_id",
            "subject_id",
            "entitlement_id",
            "effect",
            name=op.f("uq_request_lines_request_id_subject_id_entitlement_id_effect"),
        ),
    )
    with op.batch_alter_table("request_lines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_lines_request_id"), ["request_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_request_lines_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "sponsorships",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("employment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("sponsor_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.String(length=32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("accept_by", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by_id IS NULL)", name=op.f("ck_sponsorships_accepted_by_someone")
        ),
        sa.CheckConstraint("sponsor_id <> person_id", name=op.f("ck_sponsorships_not_oneself")),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["people.id"], name=op.f("fk_sponsorships_accepted_by_id")),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_sponsorships_employment_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sponsorships_person_id")),
        sa.ForeignKeyConstraint(["sponsor_id"], ["people.id"], name=op.f("fk_sponsorships_sponsor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsorships")),
    )
    with op.batch_alter_table("sponsorships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sponsorships_employment_id"), ["employment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sponsorships_sponsor_id"), ["sponsor_id"], unique=False)
        batch_op.create_index(
            "uq_sponsorships_open",
            ["employment_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "standing_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("standing_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_standing_uses_request_id")),
        sa.ForeignKeyConstraint(["standing_id"], ["standing_approvals.id"], name=op.f("fk_standing_uses_standing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_uses")),
        sa.UniqueConstraint("request_id", name=op.f("uq_standing_uses_request_id")),
        sa.UniqueConstraint("standing_id", "number", name=op.f("uq_standing_uses_standing_id_number")),
    )
    with op.batch_alter_table("standing_uses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_standing_uses_standing_id"), ["standing_id"], unique=False)

    op.create_table(
        "approval_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "seat",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "approved",
                "returned",
                "rejected",
                "closed",
                name="stepstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decider_id", sa.Integer(), nullable=True),
        sa.Column("rung", sa.String(length=16), nullable=True),
        sa.Column("acting_for_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown_hash", sa.String(length=64), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("exception_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(decider_id IS NULL) = (state IN ('pending', 'closed'))", name=op.f("ck_approval_steps_decided_by_someone")
        ),
        sa.CheckConstraint(
            "acting_for_id IS NULL OR (acting_for_id <> applicant_id AND acting_for_id <> subject_id AND acting_for_id <> decider_id)",
            name=op.f("ck_approval_steps_sod_3"),
        ),
        sa.CheckConstraint(
            "decider_id IS NULL OR (decided_at IS NOT NULL AND shown_hash IS NOT NULL)",
            name=op.f("ck_approval_steps_decided_on_what_was_shown"),
        ),
        sa.CheckConstraint(
            "decider_id IS NULL OR (decider_id <> applicant_id AND decider_id <> subject_id)",
            name=op.f("ck_approval_steps_sod_1_2"),
        ),
        sa.ForeignKeyConstraint(["acting_for_id"], ["people.id"], name=op.f("fk_approval_steps_acting_for_id")),
        sa.ForeignKeyConstraint(["decider_id"], ["people.id"], name=op.f("fk_approval_steps_decider_id")),
        sa.ForeignKeyConstraint(
            ["exception_id"], ["policy_exceptions.id"], name=op.f("fk_approval_steps_exception_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id", "applicant_id", "subject_id"],
            ["request_lines.id", "request_lines.applicant_id", "request_lines.subject_id"],
            name=op.f("fk_approval_steps_line_id_applicant_id_subject_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_steps")),
        sa.UniqueConstraint("line_id", "position", name=op.f("uq_approval_steps_line_id_position")),
    )
    with op.batch_alter_table("approval_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approval_steps_line_id"), ["line_id"], unique=False)
        batch_op.create_index("ix_approval_steps_waiting", ["state", "seat"], unique=False)
        batch_op.create_index("uq_approval_steps_sod_3", ["line_id", "acting_for_id"], unique=True)
        batch_op.create_index(
            "uq_approval_steps_sod_4",
            ["line_id", "decider_id"],
            unique=True,
            sqlite_where=sa.text("exception_id IS NULL"),
            postgresql_where=sa.text("exception_id IS NULL"),
        )

    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("entitlement_id", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "in_force",
                "suspended",
                "ended",
                name="grantstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "requested",
                "expired",
                "left",
                "post_lost",
                "reviewed",
                "given_back",
                "id_gone",
                "service_ended",
                name="endreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("ended_by_line_id", sa.Integer(), nullable=True),
        sa.Column("reminded_days", sa.Integer(), nullable=True),
        sa.Column("rests_on_unit", sa.String(length=32), nullable=True),
        sa.Column("rests_on_post", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL AND end_reason IS NOT NULL)",
            name=op.f("ck_grants_end_explained"),
        ),
        sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name=op.f("ck_grants_period")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_grants_account_id")),
        sa.ForeignKeyConstraint(["ended_by_line_id"], ["request_lines.id"], name=op.f("fk_grants_ended_by_line_id")),
        sa.ForeignKeyConstraint(["entitlement_id"], ["entitlements.id"], name=op.f("fk_grants_entitlement_id")),
        sa.ForeignKeyConstraint(["line_id"], ["request_lines.id"], name=op.f("fk_grants_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grants_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            "uq_grants_live",
            ["account_id", "entitlement_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        )

    op.create_table(
        "officers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ciso",
                "vice_ciso",
                "chief",
                "security",
                "section",
                "system",
                "hr",
                "handover",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.String(length=32), nullable=True),
        sa.Column("assignment_id", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("first_record_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR confirmed_by_id IS NOT NULL OR first_record_id IS NOT NULL",
            name=op.f("ck_officers_confirmed_by_someone"),
        ),
        sa.CheckConstraint(
            "confirmed_by_id IS NULL OR confirmed_by_id <> person_id", name=op.f("ck_officers_not_by_oneself")
        ),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_officers_assignment_id")),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["people.id"], name=op.f("fk_officers_confirmed_by_id")),
        sa.ForeignKeyConstraint(
            ["first_record_id"], ["configuration_versions.id"], name=op.f("fk_officers_first_record_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_officers_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officers")),
    )
    with op.batch_alter_table("officers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officers_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "uq_officers_tenure",
            ["role", "person_id", "assignment_id"],
            unique=True,
            sqlite_where=sa.text("assignment_id IS NOT NULL"),
            postgresql_where=sa.text("assignment_id IS NOT NULL"),
        )

    op.create_table(
        "return_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checklist_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "returned",
                "lost",
                "not_held",
                name="returnstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f("ck_return_items_settled_at_a_time")),
        sa.CheckConstraint(
            "(state = 'open') = (settled_by_id IS NULL)", name=op.f("ck_return_items_settled_by_someone")
        ),
        sa.CheckConstraint(
            "settled_by_id IS NULL OR settled_by_id <> person_id", name=op.f("ck_return_items_not_by_oneself")
        ),
        sa.ForeignKeyConstraint(["checklist_id"], ["leaving_checklists.id"], name=op.f("fk_return_items_checklist_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_return_items_person_id")),
        sa.ForeignKeyConstraint(["settled_by_id"], ["people.id"], name=op.f("fk_return_items_settled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_items")),
        sa.UniqueConstraint("checklist_id", "title", name=op.f("uq_return_items_checklist_id_title")),
    )
    with op.batch_alter_table("return_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_return_items_checklist_id"), ["checklist_id"], unique=False)

    op.create_table(
        "grant_suspensions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "leave",
                "missing_factor",
                "lost_card",
                "not_needed",
                name="suspensionreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_grant_suspensions_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_suspensions")),
    )
    with op.batch_alter_table("grant_suspensions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grant_suspensions_grant_id"), ["grant_id"], unique=False)
        batch_op.create_index(
            "ix_grant_suspensions_open",
            ["reason", "grant_id"],
            unique=False,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )

    op.create_table(
        "privileged_use_rights",
        sa.Column("use_id", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_privileged_use_rights_grant_id")),
        sa.ForeignKeyConstraint(["use_id"], ["privileged_uses.id"], name=op.f("fk_privileged_use_rights_use_id")),
        sa.PrimaryKeyConstraint("use_id", "grant_id", name=op.f("pk_privileged_use_rights")),
    )
    op.create_table(
        "review_lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("grant_id", sa.Integer(), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_use_source", sa.Text(), nullable=True),
        sa.Column("alike_holding", sa.Integer(), nullable=False),
        sa.Column("alike", sa.Integer(), nullable=False),
        sa.Column("shown", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("ended_unanswered", sa.Boolean(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "decision",
            sa.Enum(
                "keep", "remove", "change", name="reviewdecision", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("acting_for_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_file", sa.Boolean(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "decision IS NULL OR decision = 'keep' OR reason IS NOT NULL", name=op.f("ck_review_lines_reason_given")
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_review_lines_decided_sometime")),
        sa.CheckConstraint(
            "acting_for_id IS NULL OR acting_for_id NOT IN (holder_id, decided_by_id)",
            name=op.f("ck_review_lines_no_deputy_of_it"),
        ),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> holder_id", name=op.f("ck_review_lines_not_by_the_holder")
        ),
        sa.CheckConstraint(
            "reviewer_id IS NULL OR reviewer_id <> holder_id", name=op.f("ck_review_lines_not_given_to_the_holder")
        ),
        sa.ForeignKeyConstraint(["acting_for_id"], ["people.id"], name=op.f("fk_review_lines_acting_for_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["review_campaigns.id"], name=op.f("fk_review_lines_campaign_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["people.id"], name=op.f("fk_review_lines_decided_by_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_review_lines_grant_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["people.id"], name=op.f("fk_review_lines_holder_id")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["people.id"], name=op.f("fk_review_lines_reviewer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_lines")),
        sa.UniqueConstraint("campaign_id", "grant_id", name=op.f("uq_review_lines_campaign_id_grant_id")),
    )
    with op.batch_alter_table("review_lines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_lines_grant_id"), ["grant_id"], unique=False)
        batch_op.create_index("ix_review_lines_reviewer", ["campaign_id", "reviewer_id"], unique=False)

    # ### end Alembic commands ###
    for statement in (*APPEND_ONLY[op.get_bind().dialect.name], *OWN_ACCOUNT[op.get_bind().dialect.name]):
        op.execute(statement)
    # One row for good: two first transactions at once must not both insert it.
    op.execute("INSERT INTO roll_version (id, version) VALUES (1, 0)")
