"""Who answers: chat models (text in, text out) and open models (weights that we may look into).

Importing this package loads neither torch nor transformers; `isogloss.models.open_model` does.
"""

from isogloss.models.chat import ChatModel, Decoding
from isogloss.models.endpoint import EndpointModel
from isogloss.models.recorded import RecordedModel
from isogloss.models.scripted import ScriptedModel

__all__ = ["ChatModel", "Decoding", "EndpointModel", "RecordedModel", "ScriptedModel"]
