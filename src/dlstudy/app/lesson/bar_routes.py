"""Routes of what the bar above a lesson can do: start again, and stop what runs."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from dlstudy.app.routing import Answer, BadRequest, CourseRequest, put
from dlstudy.course.learner import folder as learners
from dlstudy.course.learner import startagain


async def reset(request: CourseRequest) -> Answer:
    """Put a lesson or one exercise's cell back, after the text as it is has been backed up."""
    course, lesson, exercise = request.course, request.lesson(), request.fields.get("exercise")
    if exercise is not None and exercise not in lesson.exercises:
        raise BadRequest(f"Lesson {lesson.id} has no exercise {exercise!r}.")
    if not lesson.written:
        raise BadRequest(f"Lesson {lesson.id} is not written yet.")
    # An open page would save its old text over the fresh one, so its session ends first.
    await request.marimo.end_sessions(lesson.file)
    if exercise is None:
        kept = await run_in_threadpool(learners.reset_lesson, course.learner, lesson.file)
    else:
        kept = await run_in_threadpool(startagain.reset_cell, course.learner, lesson.file, exercise)
    if request.fields.get("progress"):
        await request.kept(lambda progress: progress.reset(lesson.id, exercise))
    return {"backup": kept.relative_to(course.learner).as_posix() if kept else None}


async def interrupt(request: CourseRequest) -> Answer:
    """Stop what a page runs."""
    return {"interrupted": await request.marimo.interrupt(request.page())}


routes = [put("/api/course/reset", reset), put("/api/course/interrupt", interrupt)]
