from accounts.models.messages import Message
from accounts.models.tokens import EndedTokenFamily
from accounts.models.users import User, UserManager, UserQuerySet, avatar_path, display_name

__all__ = [
    "EndedTokenFamily",
    "Message",
    "User",
    "UserManager",
    "UserQuerySet",
    "avatar_path",
    "display_name",
]
