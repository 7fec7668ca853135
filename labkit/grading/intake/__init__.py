"""Who handed in what. Notebooks are read as data: nothing in them is run, nothing is unpacked to the disk.

    nodes     folders and files, wherever they lie; archives shows a zip in the same way
    layouts   how Canvas, Moodle and Gradescope name what they pack; gradescope reads its list of people
    people    students and what each handed in
    looking   finds the notebooks in what one student handed in; everyone finds the students
    books     a notebook's cells
    handed    what is read beside the code: written answers, and marks of tampering
"""

from labkit.grading.intake.books import Book, book, lab_by_name, read_book
from labkit.grading.intake.everyone import students
from labkit.grading.intake.handed import prose, tampering
from labkit.grading.intake.nodes import Unreadable
from labkit.grading.intake.people import Student, Upload, upload

__all__ = [
    "Book",
    "Student",
    "Unreadable",
    "Upload",
    "book",
    "lab_by_name",
    "prose",
    "read_book",
    "students",
    "tampering",
    "upload",
]
