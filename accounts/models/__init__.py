from accounts.models.users import User, UserManager, avatar_path, display_name

__all__ = ["User", "UserManager", "avatar_path", "display_name"]
