namespace Ote.Conformance.Comparing;

/// <summary>The lines in which two texts differ, as a unified diff without context. Pure.</summary>
public static class TextDiff
{
    // Beyond it the texts are told as wholly different between what they begin and end with alike.
    private const long MostCells = 4_000_000;

    /// <summary>Lines that begin with <c>-</c> (only in the real server's) or <c>+</c> (only in the embedded one's); none when the texts are equal.</summary>
    public static IReadOnlyList<string> Lines(string real, string embedded)
    {
        string[] a = real.Split('\n'), b = embedded.Split('\n');
        int head = 0;
        while (head < a.Length && head < b.Length && a[head] == b[head])
            head++;
        int tail = 0;
        while (tail < a.Length - head && tail < b.Length - head && a[^(tail + 1)] == b[^(tail + 1)])
            tail++;
        return Middle(a[head..^tail], b[head..^tail]);
    }

    private static List<string> Middle(string[] a, string[] b)
    {
        if ((long)a.Length * b.Length > MostCells)
            return [.. a.Select(line => "-" + line), .. b.Select(line => "+" + line)];
        // The longest common subsequence of the two from each pair of lines on.
        int[,] common = new int[a.Length + 1, b.Length + 1];
        for (int i = a.Length - 1; i >= 0; i--)
        {
            for (int j = b.Length - 1; j >= 0; j--)
                common[i, j] = a[i] == b[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        }
        List<string> lines = [];
        for (int i = 0, j = 0; i < a.Length || j < b.Length;)
        {
            if (i < a.Length && j < b.Length && a[i] == b[j])
                (i, j) = (i + 1, j + 1);
            else if (i < a.Length && (j == b.Length || common[i + 1, j] >= common[i, j + 1]))
                lines.Add("-" + a[i++]);
            else
                lines.Add("+" + b[j++]);
        }
        return lines;
    }
}
