from accounts.models.messages import Message
from accounts.models.users import User, UserManager, UserQuerySet, avatar_path, display_name

__all__ = ["Message", "User", "UserManager", "UserQuerySet", "avatar_path", "display_name"]
