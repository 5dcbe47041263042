"""The interactive and static figures that pages share."""
