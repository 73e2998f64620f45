from accounts.models.messages import Message, MessageQuerySet
from accounts.models.tokens import EndedTokenFamily
from accounts.models.users import User, UserManager, UserQuerySet, avatar_path, display_name

__all__ = [
    "EndedTokenFamily",
    "Message",
    "MessageQuerySet",
    "User",
    "UserManager",
    "UserQuerySet",
    "avatar_path",
    "display_name",
]
