"""The thinking about organisations: CVR numbers and the content files that name them."""
