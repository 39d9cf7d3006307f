from .errors import CheckpointError as CheckpointError
from .errors import ConfigError as ConfigError
from .errors import DeviceError as DeviceError
from .errors import EmoliveError as EmoliveError
from .errors import MediaError as MediaError
from .errors import MissingDependencyError as MissingDependencyError
from .errors import OutputError as OutputError
from .file_analyzer import analyze as analyze
from .session.config import SessionConfig as SessionConfig
from .session.session import Session as Session
from .session.subscription import Subscription as Subscription
from .snapshot import Snapshot as Snapshot
from .types import Estimate as Estimate

__version__: str
