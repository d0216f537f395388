"""The annotator: a folder of photographs, labelled by clicks in the browser (extra `annotator`)."""
