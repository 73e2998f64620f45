from accounts.models.addresses import StoppedAddress
from accounts.models.broadcasts import Broadcast
from accounts.models.channels import (
    Channel,
    Delivery,
    Frequency,
    NotificationChoice,
    TelegramChat,
    TelegramCode,
)
from accounts.models.messages import Message, MessageQuerySet
from accounts.models.tokens import EndedTokenFamily
from accounts.models.users import User, UserManager, UserQuerySet, avatar_path, display_name

__all__ = [
    "Broadcast",
    "Channel",
    "Delivery",
    "EndedTokenFamily",
    "Frequency",
    "Message",
    "MessageQuerySet",
    "NotificationChoice",
    "StoppedAddress",
    "TelegramChat",
    "TelegramCode",
    "User",
    "UserManager",
    "UserQuerySet",
    "avatar_path",
    "display_name",
]
