using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>One object somebody wants to exist.</summary>
/// <param name="Source">Where it was read: a file and the number of the document in it.</param>
/// <param name="Object">The object, without what only a server may set.</param>
internal sealed record Manifest(string Source, JsonObject Object)
{
    internal string ApiVersion => Object.Text("apiVersion")!;

    internal string Kind => Object.Text("kind")!;

    internal string Name => Object.Name();

    internal string Group => ApiVersion.Contains('/', StringComparison.Ordinal) ? ApiVersion[..ApiVersion.IndexOf('/', StringComparison.Ordinal)] : "";

    internal string Version => ApiVersion[(ApiVersion.IndexOf('/', StringComparison.Ordinal) + 1)..];

    /// <summary><c>kind.group/name</c>, lower case.</summary>
    internal string Subject => Output.ObjectPrinter.NameOf(Object);
}
