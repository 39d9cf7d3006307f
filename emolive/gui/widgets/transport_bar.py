"""The transport of a file: play, pause, seek, loop, spans."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygon, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, scaled
from emolive.gui.transport_presenter import TransportState
from emolive.gui.widgets.file_timeline import FileTimeline

ICON_PX = 16
TIMELINE_PX, LOW_TIMELINE_PX = 82, 52
"""Height of the timeline, also in a low window, where the bars need the room."""
LOW_WINDOW_PX = 600


class TransportBar(QFrame):
    """Emits what the user asks for; shows what is."""

    play_toggled = Signal()
    loop_toggled = Signal()
    mark_in = Signal()
    mark_out = Signal()
    label_chosen = Signal(str)
    export_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.timeline = FileTimeline()
        self.play = _button(tr("Play or pause (Space)"))
        self.play.setIconSize(QSize(round(scaled(ICON_PX)), round(scaled(ICON_PX))))
        self.play.clicked.connect(self.play_toggled)
        self.loop = _button(tr("Play in a loop (Ctrl+L)"))
        self.loop.setText(tr("Loop"))
        self.loop.setCheckable(True)
        self.loop.clicked.connect(self.loop_toggled)
        self.clock = QLabel()
        self.clock.setObjectName("note")
        self.note = QLabel()
        self.note.setObjectName("note")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.mark_in_button = _button(tr("The span begins here ([)"))
        self.mark_in_button.setText(tr("[ Begin"))
        self.mark_in_button.clicked.connect(self.mark_in)
        self.mark_out_button = _button(tr("The span ends here (])"))
        self.mark_out_button.setText(tr("End ]"))
        self.mark_out_button.clicked.connect(self.mark_out)
        self.label_button = _button(tr("Give the marked span a label (Ctrl+1, Ctrl+2, …)"))
        self.label_button.setText(tr("Label"))
        self.label_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.label_menu = QMenu(self)
        self.label_button.setMenu(self.label_menu)
        self.export = _button(tr("Cut the spans into clips with annotations for training (Ctrl+E)"))
        self.export.setText(tr("Export"))
        self.export.clicked.connect(self.export_requested)
        self._labels: tuple[str, ...] = ()
        self._icon = ("", "")
        """Its name and colour."""
        self._text = ("", "")
        row = QHBoxLayout()
        row.setSpacing(SIZES.gap_px)
        for widget in (self.play, self.loop, self.clock):
            row.addWidget(widget)
        row.addWidget(self.note, 1)
        for widget in (self.mark_in_button, self.mark_out_button, self.label_button, self.export):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SIZES.gap_px, SIZES.gap_px - 2, SIZES.gap_px, SIZES.gap_px - 2)
        layout.setSpacing(4)
        layout.addWidget(self.timeline, 1)
        layout.addLayout(row)

    def sizeHint(self) -> QSize:  # noqa: N802
        timeline_px = TIMELINE_PX if self.window().height() >= LOW_WINDOW_PX else LOW_TIMELINE_PX
        return QSize(600, round(scaled(timeline_px + 16)) + SIZES.control_height_px)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.updateGeometry()
        self._elide()

    def _elide(self) -> None:
        room = max(0, self.note.width() - 2)
        self.note.setText(
            self.note.fontMetrics().elidedText(self._text[1], Qt.TextElideMode.ElideRight, room)
        )
        self.note.setToolTip(self._text[1])

    def show_state(self, state: TransportState) -> None:
        """Show a state. To be called often."""
        self.timeline.show_state(state)
        icon = "replay" if state.ended else "play" if state.paused else "pause"
        if (icon, COLORS.text) != self._icon:
            self._icon = (icon, COLORS.text)
            self.play.setIcon(_icon(icon))
            names = {"replay": tr("Play again"), "play": tr("Play"), "pause": tr("Pause")}
            self.play.setAccessibleName(names[icon])
        self.loop.setChecked(state.loop)
        if (state.clock, state.note) != self._text:
            self._text = (state.clock, state.note)
            self.clock.setText(state.clock)
            self._elide()
        self._fill_labels(state.labels)
        marked = state.marks_s[0] is not None
        self.label_button.setEnabled(marked)
        self.export.setEnabled(bool(state.spans))

    def _fill_labels(self, labels: tuple[str, ...]) -> None:
        if labels == self._labels:
            return
        self._labels = labels
        self.label_menu.clear()
        for label, color in zip(labels, emotion_colors(labels), strict=True):
            swatch = QPixmap(SIZES.note_px, SIZES.note_px)
            swatch.fill(color)
            action = self.label_menu.addAction(QIcon(swatch), strings.label_title(label))
            action.triggered.connect(lambda _=False, label=label: self.label_chosen.emit(label))


def _button(tooltip: str) -> QToolButton:
    button = QToolButton()
    # A click leaves the keys to the window: the space bar then plays and pauses.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    return button


def _icon(name: str) -> QIcon:
    """Drawn here, as no icon theme is sure to be installed."""
    size = 2 * round(scaled(ICON_PX))
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(COLORS.text))
    painter.scale(size / (2 * ICON_PX), size / (2 * ICON_PX))
    if name == "pause":
        painter.drawRect(7, 4, 6, 24)
        painter.drawRect(19, 4, 6, 24)
    else:
        painter.drawPolygon(QPolygon([QPoint(9, 3), QPoint(28, 16), QPoint(9, 29)]))
        if name == "replay":
            painter.drawRect(3, 3, 4, 26)
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return QIcon(pixmap)
