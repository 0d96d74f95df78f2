"""Pages that need nothing else: charts drawn as SVG text, tables, and the document around them."""
