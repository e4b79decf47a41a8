namespace Ote.Tests.Fuzz;

/// <summary>Whatever a client of the embedded API server sends is read, or refused as the client's fault, within bounds of time and memory.</summary>
public sealed class ApiFuzzTests
{
    private const int Costly = 10;
    private const int Whole = 100;

    [Fact]
    public void Paths_are_taken_apart_or_name_nothing() => FuzzSettings.Run(new PathTarget(), "path");

    [Fact]
    public void Selectors_say_what_was_read_or_are_refused() => FuzzSettings.Run(new SelectorTarget(), "selector");

    [Fact]
    public void Tokens_of_lists_are_ours_or_refused() => FuzzSettings.Run(new TokenTarget(), "token");

    [Fact]
    public void Objects_can_be_stored_or_are_refused() => FuzzSettings.Run(new ObjectTarget(), "object", Costly);

    [Fact]
    public void Patches_apply_or_are_refused_and_leave_what_they_patch() => FuzzSettings.Run(new PatchTarget(), "patch", Costly);

    [Fact]
    public void Requests_are_never_the_fault_of_the_server()
    {
        using RequestTarget target = new();
        FuzzSettings.Run(target, "request", Whole);
    }
}
