"""What the web may ask of a directory: whether a person's own password is right, and nothing else (control F4).

The web holds a function, not a connector: whoever takes it over can neither read nor change a directory.
"""

from connectors.registry import promised
from idm.errors import ConfigurationInvalid, TargetRefused
from idm.models.systems import InformationSystem
from idm.operations.signing_in.sign_in_directory import PasswordChecker
from idm.organisation import Organisation
from idm.ports import ChecksPasswords, PasswordCheck
from jobs.installation import Installation


def require_can_check(organisation: Organisation) -> None:
    """Afterwards the connector of the system to sign in with is one that can check passwords, as far as it says.

    Raises ConfigurationInvalid. A connector of another package is asked when it is opened (`idm system test`).
    """
    for system in organisation.systems:
        if system.code == organisation.sign_in_system:
            kind = promised(system.connector)
            if kind is not None and not issubclass(kind, ChecksPasswords):
                mistake = f"sign_in_system: 「{system.connector}」の接続では、パスワードを確かめられません"
                raise ConfigurationInvalid("団体設定に誤りがあります。", mistakes=(mistake,))


def password_checker(installation: Installation) -> PasswordChecker:
    """Asks the directory of a system, over a connection of its own each time; nothing is kept."""

    def check_password(system: InformationSystem, login_name: str, password: str) -> PasswordCheck:
        directory = installation.open_target(system)
        try:
            if not isinstance(directory, ChecksPasswords):
                raise TargetRefused(f"「{system.connector}」の接続では、パスワードを確かめられません。")
            return directory.check_password(login_name, password)
        finally:
            directory.close()

    return check_password
