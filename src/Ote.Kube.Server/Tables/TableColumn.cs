namespace Ote.Kube.Server.Tables;

/// <summary>A column of a Table.</summary>
/// <param name="Name">Heading as the API gives it; kubectl writes it in capitals.</param>
/// <param name="Type">OpenAPI type of the cells.</param>
/// <param name="Priority">0 always shown, 1 only with <c>-o wide</c>.</param>
/// <param name="Format">OpenAPI format; <c>name</c> marks the column that names the object.</param>
/// <param name="Description">What the column shows.</param>
internal sealed record TableColumn(string Name, string Type = "string", int Priority = 0, string Format = "", string Description = "")
{
    /// <summary>The first column of nearly every table.</summary>
    public static TableColumn ObjectName { get; } = new("Name", Format: "name", Description: "Name of the object, unique within its namespace.");

    /// <summary>Time since creation.</summary>
    public static TableColumn Age { get; } = new("Age", Description: "Time since the object was created.");

    /// <summary>The moment of creation.</summary>
    public static TableColumn CreatedAt { get; } = new("Created At", "date", Description: "The moment the object was created.");

    public static TableColumn Wide(string name) => new(name, Priority: 1);

    public static TableColumn Number(string name, int priority = 0) => new(name, "integer", priority);
}
