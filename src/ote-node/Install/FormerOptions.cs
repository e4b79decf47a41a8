using System.Diagnostics.CodeAnalysis;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>
/// What becomes of an installed hub's options when it is installed anew: without any they stay, so that a newer program is put in the place of an older one by nothing but <c>install</c>; with some these are all there are. Pure.
/// </summary>
internal static class FormerOptions
{
    private const string Write = "--write-kubeconfigs";

    /// <summary>The hub's options: those that are given, or those of before.</summary>
    /// <param name="given">What stands after <c>--</c>.</param>
    /// <param name="unit">The installed unit's text; null: there is none.</param>
    /// <param name="file">Where it lies.</param>
    /// <exception cref="RoleException">None are given, and those of the unit, which somebody changed, cannot be read.</exception>
    public static IReadOnlyList<string> Kept(IReadOnlyList<string> given, string? unit, string file) =>
        unit is null || given.Count > 0 ? given
        : TryRead(unit, out var former) ? former
        : throw new RoleException($"the options of {file}, which was not written by an installation alone, cannot be kept as they are, and nothing was changed: give the hub's options after --, as they are to be (`systemctl cat {HubUnit.Name}` shows those of before)");

    /// <summary>What becomes of the options of before, in words; null: nothing that is worth one.</summary>
    /// <param name="given">What stands after <c>--</c>.</param>
    /// <param name="all">With what is installed in the end, the usual ones among them.</param>
    /// <param name="unit">The installed unit's text; null: there is none.</param>
    public static string? Said(IReadOnlyList<string> given, IReadOnlyList<string> all, string? unit)
    {
        if (unit is null || !TryRead(unit, out var former))
        {
            return null;
        }

        if (given.Count == 0)
        {
            return $"options as installed before: {Shown(former)}";
        }

        // One that is given with another value is meant; of one that may be given several times there may be fewer now.
        var (before, now, named) = (Each(former), Each(all), Each(given).Select(Name).ToHashSet());
        string[] gone =
        [
            .. before.Where(option => !now.Any(other => Name(other) == Name(option) && Value(other) == Value(option))
                && (!named.Contains(Name(option)) || now.Count(other => Name(other) == Name(option)) < before.Count(other => Name(other) == Name(option)))).Select(option => Shown(option)),
        ];
        return gone.Length == 0 ? null : $"options of before that are not among these, and count no more: {string.Join(' ', gone)} (without any after -- all of before stay)";
    }

    /// <summary>Reads a unit's options, but the folder that the installation decides. A unit that names them in another form than an installation's would not be read as systemd does.</summary>
    private static bool TryRead(string unit, [NotNullWhen(true)] out IReadOnlyList<string>? options)
    {
        options = null;
        if (HubUnit.CommandOf(unit) is not [_, "edgehub", ..] command || !unit.Split('\n').Contains(HubUnit.ExecStart(command)))
        {
            return false;
        }

        options = [.. Each(command.Skip(2)).Where(option => Name(option) != Write).SelectMany(option => option)];
        return true;
    }

    /// <summary>Each option with its values.</summary>
    private static List<List<string>> Each(IEnumerable<string> words)
    {
        List<List<string>> options = [];
        foreach (var word in words)
        {
            if (options.Count == 0 || word.StartsWith('-'))
            {
                options.Add([]);
            }

            options[^1].Add(word);
        }

        return options;
    }

    private static string Name(List<string> option) => option[0].Split('=', ':')[0] is var name && name == "-l" ? "--listen" : name;

    private static string Value(List<string> option) => option[0].IndexOfAny(['=', ':']) is >= 0 and var at ? option[0][(at + 1)..] : string.Join(' ', option.Skip(1));

    /// <summary>As they are typed in a shell.</summary>
    private static string Shown(IEnumerable<string> words) => string.Join(' ', words.Select(word =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=,@%[]".Contains(c, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
}
