"""Routes of what comes back for review: a question is answered, an exercise starts again."""

from __future__ import annotations

from dlstudy.app.home import panels
from dlstudy.app.routing import Answer, BadRequest, CourseRequest, put
from dlstudy.course.learner import startagain


async def answer(request: CourseRequest) -> Answer:
    """Judge and record an answer to a quiz question; which one is right is told only now."""
    from dlstudy.course.content.prose import options_of

    lesson, name = request.lesson(), str(request.fields.get("question", ""))
    entry = panels.question(lesson.id, name)
    chosen = [option for option in options_of(entry) if option["id"] == request.fields.get("option")] if entry else []
    if not chosen:
        raise BadRequest(f"Lesson {lesson.id} has no question {name!r} with such an answer.")
    (option,) = chosen
    await request.kept(lambda kept: kept.record_quiz(lesson.id, name, option["id"], option["correct"]))
    return {"correct": option["correct"], "why": option["why"]}


async def again(request: CourseRequest) -> Answer:
    """Put an exercise's cell and file back to the start, to be written once more; what was there is backed up."""
    course, lesson, exercise = request.course, request.lesson(), request.fields.get("exercise")
    if exercise not in lesson.exercises:
        raise BadRequest(f"Lesson {lesson.id} has no exercise {exercise!r}.")
    await request.marimo.end_sessions(lesson.file)
    copy = await request.kept(lambda kept: startagain.write_again(course.learner, kept, lesson, str(exercise)))
    return {"backup": copy.relative_to(course.learner).as_posix()}


routes = [put("/api/course/answer", answer), put("/api/course/again", again)]
