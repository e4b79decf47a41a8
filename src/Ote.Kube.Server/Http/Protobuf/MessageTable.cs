using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;

namespace Ote.Kube.Server.Http.Protobuf;

/// <summary>One field of a message.</summary>
/// <param name="Name">Its name in JSON; empty when the fields of its message stand in the enclosing object.</param>
/// <param name="Type">See the README beside the data.</param>
/// <param name="KeepsZero">Whether it stands in JSON when it is zero.</param>
internal sealed record MessageField(string Name, string Type, bool KeepsZero);

/// <summary>The protobuf messages of the built-in kinds; loaded on first use, one for the process, immutable.</summary>
internal static class MessageTable
{
    private static readonly Lazy<FrozenDictionary<string, FrozenDictionary<int, MessageField>>> Messages = new(Load);

    /// <summary>The fields of a message by number; null when there is no such message.</summary>
    public static FrozenDictionary<int, MessageField>? Find(string message) => Messages.Value.GetValueOrDefault(message);

    private static FrozenDictionary<string, FrozenDictionary<int, MessageField>> Load()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("protobuf-messages.txt")
            ?? throw new InvalidOperationException("The assembly lacks its resource protobuf-messages.txt.");
        using var reader = new StreamReader(stream);
        var messages = new Dictionary<string, FrozenDictionary<int, MessageField>>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            messages[parts[0]] = parts.Skip(1).Select(Field).ToFrozenDictionary(field => field.Number, field => field.Field);
        }

        return messages.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static (int Number, MessageField Field) Field(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = text[digits..colon];
        var keeps = name.EndsWith('!');
        name = keeps ? name[..^1] : name;
        return (int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture), new MessageField(name == "-" ? "" : name, text[(colon + 1)..], keeps));
    }
}
