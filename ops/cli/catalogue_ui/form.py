"""The form of an entry: its fields, and beside them what saving would change, what is wrong, and what upstream says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, Static

from ops.catalogue.document import Item
from ops.catalogue.errors import CatalogueBusyError, CatalogueError
from ops.cli.catalogue_offer import Answer
from ops.cli.catalogue_ui import text
from ops.cli.catalogue_ui.background import Latest
from ops.cli.catalogue_ui.confirm import ConfirmScreen
from ops.cli.catalogue_ui.desk import Desk
from ops.cli.catalogue_ui.draft import Draft, Preview
from ops.cli.catalogue_ui.fields import DENY, DIGEST_TAGS, KEEP, REFERRERS, SEMVER, SOURCE, TAGS, TARGET, WHOLE, Fields
from ops.cli.catalogue_ui.form_field import FormField

# Since the last key, until the diff is made, and until upstream is asked.
_PREVIEW_S, _ASK_S = 0.1, 0.6
_ASKED_FOR = {SOURCE, TAGS, DENY, SEMVER, KEEP}
_OTHERS = "somebody else has just changed {file}: what you have typed is kept, and what you see is on top of their change"
_LOST = "somebody else has just removed this entry from {file}: saving adds it again, as you see it"


class FormScreen(Screen[Item | None]):
    """The form of an entry."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", key_display="^s"),
        Binding("ctrl+t", "cost", "Cost", key_display="^t"),
        Binding("escape", "leave", "Back"),
        Binding("tab", "app.focus_next", "Next field", key_display="tab"),
        Binding("pageup", "scroll(-5)", show=False, priority=True),
        Binding("pagedown", "scroll(5)", "Scroll", key_display="PgDn", priority=True),
    ]
    CSS = """
    FormScreen {
        #title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #note { display: none; padding: 0 1; background: $warning-muted; color: $text-warning; max-height: 4; }
        #both { layout: vertical; height: 1fr; }
        #fields { height: 3fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        #preview { height: 2fr; border-top: solid $panel; padding: 0 1; scrollbar-size-vertical: 1; }
        #whole { display: none; height: auto; margin-bottom: 1; }
        .head { color: $text-muted; height: 1; }
        #upstream { margin-bottom: 1; }
    }
    FormScreen.-short FormField { margin-bottom: 0; }
    FormScreen.-wide {
        #both { layout: horizontal; }
        #fields { width: 1fr; height: 1fr; }
        #preview { width: 1fr; height: 1fr; border-top: none; border-left: solid $panel; padding: 1 1 0 1; }
    }
    """

    def __init__(self, desk: Desk, draft: Draft, reload: Callable[[], object]) -> None:
        """Say what is written.

        Args:
            desk: The catalogue.
            draft: What the form begins with.
            reload: Reads the file again, and has the form follow.
        """
        super().__init__()
        self.draft = draft
        self._desk, self._reload = desk, reload
        self._previewing, self._asking = Latest(self, alone=True), Latest(self)
        self._is_ready = False
        self._preview = Preview()
        self._asked: dict[str, Any] | None = None
        self._answer: Answer | None = None
        self._waiting = False
        self._later_on: dict[str, Timer] = {}

    def compose(self) -> ComposeResult:
        """Build it."""
        now = self.draft.now
        yield Static(id="title", markup=False)
        yield Static(id="note", markup=False)
        with Container(id="both"):
            with VerticalScroll(id="fields", can_focus=False):
                yield Static(id="whole", markup=False)
                hint = "alpine, quay.io/org/app, or one image: quay.io/org/app:1.2"
                yield FormField(SOURCE, "Source", now.source, placeholder=hint)
                yield FormField(TARGET, "Target here", now.target, placeholder="the source's path, without its registry")
                yield FormField(
                    TAGS, "Tags to copy: patterns, one a line", now.tags, placeholder=r"all, or 1[67]\.\d+", many=True
                )
                yield FormField(DENY, "Tags among them to leave out", now.deny, placeholder=r"none, or .*-rc\d+", many=True)
                yield FormField(SEMVER, "Ranges of versions", now.semver, placeholder="any, or >=3.0 <4", many=True)
                yield FormField(KEEP, "Keep only so many of the highest versions", now.keep, placeholder="all")
                hint = "as usual for this upstream; or true, or false"
                yield FormField(DIGEST_TAGS, "Copy signatures that are tags", now.digest_tags, placeholder=hint)
                yield FormField(REFERRERS, "Copy the OCI's referrers", now.referrers, placeholder=hint)
            with VerticalScroll(id="preview"):
                yield Static("UPSTREAM", classes="head")
                yield Static(id="upstream", markup=False)
                yield Static("IN THE FILE", classes="head")
                yield Static(id="diff", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Show what there is."""
        self._is_ready = True
        self._show_draft()
        self._field(SOURCE if self.draft.is_new else TAGS).go()
        self._look()

    def _field(self, name: str) -> FormField:
        return self.query_one(f"#field-{name}", FormField)

    def _show_draft(self) -> None:
        for field in self.query(FormField):
            field.value = getattr(self.draft.now, field.field)
        document, item = self._desk.document, self.draft.item
        told = f"Edit {item.text('source')}  ·  {document.place(item)}" if item else f"Add an entry to {document.name}"
        self.query_one("#title", Static).update(text.lines((told, "")))

    def _note(self, told: str) -> None:
        note = self.query_one("#note", Static)
        note.display = bool(told)
        note.update(text.lines((told, "")))

    # --- the file changes

    def rebase(self) -> None:
        """Follow a file that somebody else has changed: what was typed is kept."""
        self.draft = self.draft.onto(self._desk.document)
        if not self._is_ready:  # it begins with that
            return
        self._show_draft()
        told = self._desk.trouble or (_LOST if self.draft.lost else _OTHERS).format(file=self._desk.document.name)
        self._note(told)
        self._look()

    # --- something is typed

    def on_form_field_changed(self) -> None:
        """Show what that would change."""
        self._waiting = False
        self.draft = replace(self.draft, now=self._typed())
        self._later("preview", _PREVIEW_S, self._look)

    def _typed(self) -> Fields:
        return Fields(**{field.field: field.value for field in self.query(FormField)})

    def _later(self, what: str, seconds: float, call: Callable[[], object]) -> None:
        if what in self._later_on:
            self._later_on[what].stop()
        self._later_on[what] = self.set_timer(seconds, call)

    def _look(self) -> None:
        work = partial(self._desk.preview, self.draft, self._desk.document)
        self._previewing.start(work, self._show, self._failed)

    def _failed(self, error: Exception) -> None:
        self._note(str(error))

    def _show(self, preview: Preview) -> None:
        self._preview = preview
        theirs = self.draft.theirs
        for field in self.query(FormField):
            name = field.field
            field.tell(preview.problems.get(name, ()), preview.doubts.get(name, ()), theirs.get(name))
        whole = self.query_one("#whole", Static)
        told = [*((f"✗ {one}", "$text-error") for one in preview.problems.get(WHOLE, ()))]
        told += [(f"! {one}", "$text-warning") for one in preview.doubts.get(WHOLE, ())]
        whole.display = bool(told)
        whole.update(text.lines(*told))
        nothing = "it cannot be written so" if preview.problems else "nothing changes yet"
        self.query_one("#diff", Static).update(
            text.of_diff(preview.lines) if preview.lines else text.lines((nothing, text.MUTED))
        )
        self._ask_later()

    # --- upstream is asked

    def _ask_later(self) -> None:
        item = self._preview.item
        if self._desk.offline:
            self._say_upstream(("not asked (--offline)", text.MUTED))
        elif item is None or self._preview.problems:
            self._forget_answer()
            self._say_upstream(("is asked when the entry can be written", text.MUTED))
        elif item.values != self._asked:
            self._forget_answer()
            self._say_upstream(("…", text.MUTED))
            self._later("ask", _ASK_S, self._ask)

    def _forget_answer(self) -> None:
        self._asking.forget()
        self._asked, self._answer = None, None
        self.refresh_bindings()

    def _ask(self) -> None:
        item = self._preview.item
        if item is not None and not self._preview.problems and item.values != self._asked:
            self._ask_about(item)

    def _ask_about(self, item: Item, *, spend: bool = False) -> None:
        self._asked, self._answer = item.values, None
        self._say_upstream((f"asking about {item.text('source')} …", text.MUTED))
        self._asking.start(lambda: self._desk.answer(item, spend=spend), self._answered, self._unanswered)

    def action_cost(self) -> None:
        """Read what the entry costs, also where that takes pulls."""
        item = self._preview.item
        if item is not None and self._answer and self._answer.unread:
            self._ask_about(item, spend=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # as Textual calls it
        """Offer to read what it costs where that was not done."""
        return action != "cost" or bool(self._answer and self._answer.unread)

    def _unanswered(self, error: Exception) -> None:
        self._answered(Answer((f"cannot be asked: {error}",)))

    def _answered(self, answer: Answer) -> None:
        self._answer = answer
        self.refresh_bindings()
        if answer.refusal:
            self._say_upstream((f"✗ {answer.refusal}", "$text-error"))
        else:
            told = [(line, "") for line in answer.lines or ("nothing to tell",)]
            unread = [(f"^t reads what that costs, which takes up to {answer.unread} pulls", text.MUTED)] if answer.unread else []
            self._say_upstream(*told, *unread)
        if self._waiting:
            self._waiting = False
            self.action_save()

    def _say_upstream(self, *told: tuple[str, str]) -> None:
        self.query_one("#upstream", Static).update(text.lines(*told))

    # --- it is saved, or left

    def action_save(self) -> None:
        """Write the entry, after upstream was asked about it."""
        self.draft = replace(self.draft, now=self._typed())
        preview = self._desk.preview(self.draft)
        self._show(preview)
        if preview.problems:
            self._go_to(next(iter(preview.problems)))
        elif not preview.may_be_saved:
            self._tell("there is nothing to save yet")
        elif not self._needs_answer():
            self._write()
        elif self._answer is None and not self._waiting:
            self._waiting = True
            self._ask()
            self._tell("asking upstream first; ^s again writes at once")
        elif self._answer and self._answer.refusal:
            question, note = "Write it all the same?", self._answer.refusal
            self.app.push_screen(
                ConfirmScreen(question, note, preview.lines, "Write"), lambda yes: self._write() if yes else None
            )
        else:
            self._write()

    def _go_to(self, name: str) -> None:
        self.app.bell()
        if name != WHOLE:
            self._field(name).go()

    def _needs_answer(self) -> bool:
        changed = set(self.draft.now.changed(self.draft.base))
        return not self._desk.offline and (self.draft.is_new or bool(changed & _ASKED_FOR))

    def _write(self) -> None:
        preview = self._preview
        if preview.change is None:
            return
        try:
            self._desk.write(preview.change)
        except CatalogueBusyError as error:
            self._reload()
            self._tell(str(error), wrong=True)
        except (CatalogueError, OSError) as error:
            self._note(str(error))
        else:
            self.dismiss(preview.item)

    def _tell(self, told: str, *, wrong: bool = False) -> None:
        self.app.notify(text.seen(told), severity="error" if wrong else "information", markup=False)

    def action_leave(self, *, then: Callable[[], object] | None = None) -> None:
        """Go back; what was typed and not saved is asked about."""

        def leave(yes: bool | None = True) -> None:
            if yes:
                self.dismiss(None)
                if then:
                    then()

        if self.draft.is_changed:
            question = "Leave without saving?"
            self.app.push_screen(ConfirmScreen(question, "", self._preview.lines, "Leave", "Stay"), leave)
        else:
            leave()

    def action_scroll(self, by: int) -> None:
        """Scroll what is beside the fields."""
        self.query_one("#preview").scroll_relative(y=by, animate=False)
