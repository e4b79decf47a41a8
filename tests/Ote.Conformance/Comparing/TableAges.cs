using System.Text.RegularExpressions;

namespace Ote.Conformance.Comparing;

/// <summary>
/// Replaces ages in tables and descriptions. The width of a column follows from its widest cell, so the padding of a table that has ages is
/// made one width. What is no age, such as <c>&lt;unknown&gt;</c>, stays. Pure.
/// </summary>
public static partial class TableAges
{
    private static readonly string[] s_columns = ["AGE", "Age", "LAST SEEN", "FIRST SEEN"];

    /// <summary>The text with AGE in place of each age.</summary>
    public static string Replace(string text)
    {
        string[] lines = text.Split('\n');
        List<(int Index, int Nth, int Of)> columns = [];
        bool inTable = false;
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (HeadingColumns(line) is { Count: > 0 } found)
            {
                columns = found;
                inTable = true;
                lines[i] = Padding().Replace(line, "  ").TrimEnd();
            }
            else if (line.Length == 0)
                inTable = false;
            else if (inTable)
                lines[i] = Padding().Replace(ReplaceCells(line, columns), "  ").TrimEnd();
            else
                lines[i] = Field().Replace(line, "$1AGE");
        }
        return string.Join('\n', lines);
    }

    /// <summary>Where the ages begin, and the how-manieth of how many cells they are, in a line of headings; none in any other line.</summary>
    private static List<(int Index, int Nth, int Of)> HeadingColumns(string line)
    {
        MatchCollection cells = Cell().Matches(line);
        // A line of values could hold the word alone; a heading has a neighbour.
        return cells.Count < 2 ? [] : [.. cells.Select((cell, nth) => (cell.Value, cell.Index, nth)).Where(c => s_columns.Contains(c.Value)).Select(c => (c.Index, c.nth, cells.Count))];
    }

    private static string ReplaceCells(string line, List<(int Index, int Nth, int Of)> columns)
    {
        MatchCollection cells = Cell().Matches(line);
        foreach ((int index, int nth, int of) in Enumerable.Reverse(columns))
        {
            // A row of a watch may be aligned otherwise than its heading: then the cell is found by its number.
            foreach (int at in (int[])[index, cells.Count == of ? cells[nth].Index : -1])
            {
                if (at >= 0 && at < line.Length && Age().Match(line, at) is { Success: true } age)
                {
                    line = $"{line[..at]}AGE{line[(at + age.Length)..]}";
                    break;
                }
            }
        }
        return line;
    }

    [GeneratedRegex(@"\S+( \S+)*")]
    private static partial Regex Cell();

    [GeneratedRegex(@"\G(\d+(y|d|h|ms|m|s))+( \(x\d+ over (\d+(y|d|h|ms|m|s))+\))?(?=\s|$)")]
    private static partial Regex Age();

    [GeneratedRegex(@"^(\s*Age: +)(\d+(y|d|h|m|s))+$")]
    private static partial Regex Field();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Padding();
}
