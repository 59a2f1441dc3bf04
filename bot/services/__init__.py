"""The use cases of members and admins, independent of Discord's and Google's interfaces."""
