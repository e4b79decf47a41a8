namespace Ote.Ctl.Output;

/// <summary>How results are written.</summary>
internal enum OutputFormat
{
    /// <summary>For people.</summary>
    Table,

    /// <summary>For people, with more columns.</summary>
    Wide,

    /// <summary>The objects verbatim.</summary>
    Json,

    /// <summary>The objects verbatim.</summary>
    Yaml,

    /// <summary>One <c>kind.group/name</c> a line.</summary>
    Name,
}

/// <summary>The formats by the names <c>-o</c> takes.</summary>
internal static class OutputFormats
{
    internal static IReadOnlyList<string> Names => ["wide", "json", "yaml", "name"];

    internal static OutputFormat Of(string? name) => name switch
    {
        "wide" => OutputFormat.Wide,
        "json" => OutputFormat.Json,
        "yaml" => OutputFormat.Yaml,
        "name" => OutputFormat.Name,
        _ => OutputFormat.Table,
    };
}
