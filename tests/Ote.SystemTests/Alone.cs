namespace Ote.SystemTests;

/// <summary>Tests that ask how long something takes at most: they run after all others, one after the other, so that what they see is the product's doing and not a busy machine's.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
