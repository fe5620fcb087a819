"""Reports: one self-contained page from findings, tables and pictures."""

from pixelwise.reports.page import Chart as Chart
from pixelwise.reports.page import Command as Command
from pixelwise.reports.page import Figure as Figure
from pixelwise.reports.page import Figures as Figures
from pixelwise.reports.page import Gallery as Gallery
from pixelwise.reports.page import Picture as Picture
from pixelwise.reports.page import Section as Section
from pixelwise.reports.page import Table as Table
from pixelwise.reports.page import Text as Text
from pixelwise.reports.page import render_page as render_page
from pixelwise.reports.page import write_page as write_page
