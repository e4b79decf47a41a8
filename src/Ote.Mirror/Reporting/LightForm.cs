using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Mirror.Reporting;

/// <summary>
/// An object as it is reported: without who owns which field, without what kubectl applied last, and without the fields its kind drops. Fields are
/// paths of property names with dots between; <c>[]</c> behind one means each item of a list.
/// </summary>
public sealed class LightForm
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private readonly string[][] _dropped;

    /// <summary>Makes the form of a kind.</summary>
    /// <param name="dropped">The fields that are not reported, besides those that never are.</param>
    public LightForm(IEnumerable<string> dropped) => _dropped = [.. dropped.Select(path => path.Split('.'))];

    /// <summary>The object's JSON; the object given is changed.</summary>
    public ReadOnlyMemory<byte> Write(JsonObject obj)
    {
        ArgumentNullException.ThrowIfNull(obj);
        if (obj["metadata"] is JsonObject metadata)
        {
            metadata.Remove("managedFields");
            metadata.Remove("selfLink");
            if (metadata["annotations"] is JsonObject annotations && annotations.Remove(LastApplied) && annotations.Count == 0)
            {
                metadata.Remove("annotations");
            }
        }

        foreach (var path in _dropped)
        {
            Drop(obj, path);
        }

        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            obj.WriteTo(writer);
        }

        return buffer.WrittenMemory;
    }

    private static void Drop(JsonObject obj, ReadOnlySpan<string> path)
    {
        var step = path[0];
        if (path.Length == 1)
        {
            obj.Remove(step);
        }
        else if (!step.EndsWith("[]", StringComparison.Ordinal))
        {
            if (obj[step] is JsonObject child)
            {
                Drop(child, path[1..]);
            }
        }
        else if (obj[step[..^2]] is JsonArray items)
        {
            foreach (var item in items)
            {
                if (item is JsonObject child)
                {
                    Drop(child, path[1..]);
                }
            }
        }
    }
}
