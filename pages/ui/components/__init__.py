"""Our browser parts as Streamlit shows them. Each .py registers one with Streamlit; its script and style are in alcore/browser."""
